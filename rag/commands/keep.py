"""Keeping a library sound: check, repair, rebuild."""

from __future__ import annotations

import argparse
import sys
import time

from rag.commands.common import open_library
from rag.commands.output import print_json, say, tell
from rag.terminal import count


def check(options: argparse.Namespace) -> int:
    """Looks, mends what can be mended, and looks again."""
    with open_library(options) as library:
        found = library.verify()
        left = library.repair() if found and not options.look_only else found
        n_papers = len(library)
    if options.json:
        print_json({"found": found, "left": left, "papers": n_papers})
        return 1 if left else 0
    for problem in found:
        say(f"found: {problem}")
    for problem in left if not options.look_only else ():
        say(f"footnoted: still wrong: {problem}")
    if not found:
        tell(f"sound: {count(n_papers, 'paper')}, and all parts agree")
    elif not left:
        tell(f"mended; {count(n_papers, 'paper')} in the library")
    return 1 if left else 0


def repair(options: argparse.Namespace) -> int:
    with open_library(options) as library:
        problems = library.repair()
        n_papers = len(library)
    if options.json:
        print_json({"problems": problems, "papers": n_papers})
        return 1 if problems else 0
    for problem in problems:
        say(f"footnoted: still wrong: {problem}")
    if not problems:
        tell(f"both indexes were rebuilt; {count(n_papers, 'paper')} in the library")
    return 1 if problems else 0


def rebuild(options: argparse.Namespace) -> int:
    """The old vectors are searched until the new ones are complete."""
    last = time.monotonic()

    def progress(n_done: int, n_chunks: int) -> None:
        nonlocal last
        if time.monotonic() - last >= 5 or n_done == n_chunks:
            last = time.monotonic()
            sys.stderr.write(f"{n_done:,} of {count(n_chunks, 'chunk')} embedded anew\n")
            sys.stderr.flush()

    with open_library(options) as library:
        library.rebuild(on_progress=progress)
        state = library.state
    if options.json:
        print_json({"chunks": state.n_chunks, "embedded": state.n_embedded, "embedding": state.fingerprint})
    else:
        tell(f"{count(state.n_embedded, 'chunk')} embedded anew with {state.fingerprint or 'nothing'}")
    return 0

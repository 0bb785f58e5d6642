"""What is held: papers, remove, tags, stats, export, libraries."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rag.collecting import seldom_collecting
from rag.commands.common import config_of, filter_of, open_library
from rag.commands.output import print_json, print_json_list, say, tell, tell_all
from rag.errors import UsageError
from rag.terminal import count, listed_in_words, one_line, printed

if TYPE_CHECKING:
    from rag.filters import Filter


def papers(options: argparse.Namespace) -> int:
    from rag.wire import paper_to_json

    only = filter_of(options)
    with open_library(options) as library:
        if options.json:
            print_json_list(paper_to_json(paper) for paper in library.papers(only, by_title=True))
            return 0
        with seldom_collecting:
            listed = sorted(library.listed(only), key=lambda one: (one.title.casefold(), one.paper_id))
    tell_all(listed_in_words(one) for one in listed)
    say(f"{count(len(listed), 'paper')}{_which(only)}")
    return 0


def _which(only: Filter | None) -> str:
    return f" {only.describe()}" if only else ""


def remove(options: argparse.Namespace) -> int:
    with open_library(options) as library:
        removed = library.remove(options.paper_ids)
        n_papers = len(library)
    if options.json:
        print_json({"removed": [paper.paper_id for paper in removed], "papers": n_papers})
    else:
        for paper in removed:
            tell(f"removed {one_line(paper.paper_id)}  {one_line(printed(paper.title))}")
        tell(f"{count(n_papers, 'paper')} left")
    return 0


def tags(options: argparse.Namespace) -> int:
    if bool(options.add or options.remove) != bool(options.paper_ids):
        raise UsageError("to change tags, name the tag with --add or --remove, and the papers behind it")
    from rag.stats import stats_of

    with open_library(options) as library:
        for names, is_removed in ((options.add, False), (options.remove, True)):
            if names:
                library.tag(options.paper_ids, names, remove=is_removed)
        found = stats_of(library).by_tag
    if options.json:
        print_json(found)
    else:
        tell_all(f"{n:8,}  {one_line(name)}" for name, n in sorted(found.items()))
    return 0


def stats(options: argparse.Namespace) -> int:
    import dataclasses

    from rag.stats import in_words, stats_of

    with open_library(options) as library:
        found = stats_of(library)
    if options.json:
        print_json(dataclasses.asdict(found))
    else:
        tell_all(in_words(found))
    return 0


def export(options: argparse.Namespace) -> int:
    from rag.writers import export_papers

    only = filter_of(options)
    with open_library(options) as library:
        n_papers = export_papers(library.papers(only), options.file, options.format)
    if str(options.file) != "-":
        say(f"{count(n_papers, 'paper')}{_which(only)} written to {options.file}")
    return 0


def libraries(options: argparse.Namespace) -> int:
    from rag import config
    from rag.errors import LibraryError
    from rag.library import Library

    config_of(options)
    folder = config.libraries_folder()
    named = sorted(f"@{path.name}" for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    found: dict[str, int | None] = {}
    for name in [str(config.default_library()), *named]:
        try:
            with Library.open(config.library_path(name)) as library:
                found[name] = len(library)
        except LibraryError:
            found[name] = None
    if options.json:
        print_json(found)
    else:
        tell_all(f"{'?' if n is None else format(n, ','):>10}  {one_line(name)}" for name, n in found.items())
    return 0

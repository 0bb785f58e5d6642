"""The arguments of ``footnoted chat``, and what each way of calling it does. Imports nothing heavy."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from rag.config import Config
from rag.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_positive, help="the port to listen on (default: the first free one from 7860)")
    parser.add_argument("--no-browser", action="store_true", help="print the address only")
    parser.add_argument(
        "--conversations", metavar="FILE", type=Path, help="where conversations are kept (default: beside the library)"
    )
    parser.add_argument(
        "--save-marks",
        metavar="FILE",
        type=Path,
        help="write what readers marked (thumbs, wrong citations) as questions for 'footnoted eval run', and end",
    )
    shared = parser.add_argument_group("for several people")
    shared.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: this computer alone)")
    shared.add_argument("--name", action="append", default=[], metavar="HOST", help="a host name it is reached under")
    shared.add_argument("--root-path", default="", metavar="PATH", help="the prefix that a proxy puts before it")
    shared.add_argument("--read-only", action="store_true", help="nobody can add, remove or tag papers")
    shared.add_argument("--auth-file", metavar="FILE", type=Path, help="let in only who has an account in this file")
    shared.add_argument("--add-account", metavar="NAME", help="ask for a password, write the account, and end")
    shared.add_argument("--questions-per-hour", type=_positive, metavar="N", help="at most N questions of each person")
    shared.add_argument("--max-upload-mb", type=_positive, default=200, metavar="N", help="of one file (200)")
    parser.add_argument("--first-papers", metavar="FILE", type=Path, help=argparse.SUPPRESS)


def run(config: Config, options: argparse.Namespace, say: Callable[[str], None]) -> int:
    """The exit code. Raises FootnotedError."""
    from ui.chat import ChatOptions, chat, conversations_file

    if options.add_account is not None:
        return _add_account(options.auth_file, options.add_account, say)
    if options.save_marks is not None:
        from ui.marks import save_marks

        n_questions = save_marks(conversations_file(config, options.conversations), options.save_marks)
        say(f"{n_questions} written to {options.save_marks}: footnoted eval run --questions {options.save_marks}")
        return 0
    root_path = options.root_path.strip("/")
    chat(
        config,
        ChatOptions(
            quote_only=options.quote,
            port=options.port,
            open_browser=not options.no_browser,
            first_papers=options.first_papers,
            host=options.host,
            root_path=f"/{root_path}" if root_path else "",
            names=tuple(options.name),
            auth_file=options.auth_file,
            read_only=options.read_only,
            questions_per_hour=options.questions_per_hour,
            max_upload_mb=options.max_upload_mb,
            conversations=options.conversations,
        ),
        say=say,
    )
    return 0


def _add_account(file: Path | None, name: str, say: Callable[[str], None]) -> int:
    from getpass import getpass

    from ui.accounts import add_account

    if file is None:
        raise UsageError("--add-account needs --auth-file: the file that the account is written into")
    password = getpass(f"Password for {name}: ")
    if getpass("The same again: ") != password:
        raise UsageError("the two passwords differ: nothing was written")
    add_account(file, name, password)
    say(f"{name} can log in with --auth-file {file}")
    return 0


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value

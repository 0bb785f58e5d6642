"""What tests share: the bundled embedding, the papers that ship, and no skipping in CI."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.embedding import BundledEmbedder
from rag.library import Library
from rag.readers import read_papers
from rag.types import Paper

SEED_FILE = Path(__file__).parent.parent / "rag" / "data" / "daily_papers.txt"

SKIPS_ALLOWED_IN_CI: tuple[str, ...] = ()
"""Beginnings of reasons for which a test may be skipped even there."""


@pytest.fixture(scope="session")
def embedder() -> BundledEmbedder:
    """Loads its model at the first use, for all tests together."""
    return BundledEmbedder()


@pytest.fixture(scope="session")
def seed_papers() -> tuple[Paper, ...]:
    """The 62 papers that ship, in the order of their page."""
    return tuple(item for item in read_papers(SEED_FILE) if isinstance(item, Paper))


@pytest.fixture(scope="session")
def seed_library(
    tmp_path_factory: pytest.TempPathFactory, embedder: BundledEmbedder, seed_papers: tuple[Paper, ...]
) -> Iterator[Library]:
    """A library of the papers that ship, made once: read it, and write to none but your own."""
    with Library.open(tmp_path_factory.mktemp("seed") / "library", embedder=embedder) as library:
        library.add(seed_papers)
        yield library


@pytest.fixture(autouse=True, scope="session")
def _nothing_of_the_users_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads a person's settings, fills their library or reaches their endpoint."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("DATA", "CONFIG", "CACHE", "STATE"):
            patch.setenv(f"XDG_{kind}_HOME", str(home))
        for name in os.environ:
            if name.startswith("OPENAI_") or (name.startswith("FOOTNOTED_") and name != "FOOTNOTED_TEST_MODEL"):
                patch.delenv(name)
        yield


# Under CI a test that is skipped was not run, and that is a failure.

_forbidden_skips: list[str] = []


def _note_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not (os.environ.get("CI") and report.skipped) or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not reason.startswith(SKIPS_ALLOWED_IN_CI):
        _forbidden_skips.append(f"{report.nodeid}: {reason}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _note_skip(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    _note_skip(report)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if _forbidden_skips and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _forbidden_skips:
        terminalreporter.section("skipped, which fails the run in CI", red=True)
        for skip in _forbidden_skips:
            terminalreporter.line(skip)

"""What is said while papers are added: how far the reading is, then how far the embedding is."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import first_papers, write_records
from hashing import HashingEmbedder

from rag.adding import AddReport
from rag.commands.progress import Progress
from rag.library import Library
from rag.readers import read_papers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of three papers."""
    (tmp_path / "in").mkdir()
    papers = first_papers(6)
    write_records(tmp_path / "in" / "a.jsonl", *papers[:3])
    write_records(tmp_path / "in" / "b.jsonl", *papers[3:])
    return tmp_path / "in"


def told(library: Library, path: Path, *, embed: bool = True) -> list[str]:
    """A line for every report of an add."""
    reading, lines = read_papers(path), []
    progress = Progress(reading.share, clock=lambda: 0.0)
    library.add(reading, embed=embed, on_progress=lambda report: lines.append(progress.line(report)))
    return lines


@pytest.mark.parametrize("name", ["a.jsonl", "."])
def test_what_was_read_is_read_and_the_bar_is_then_the_embeddings(folder: Path, tmp_path: Path, name: str) -> None:
    n = 3 if name == "a.jsonl" else 6
    with Library.open(tmp_path / "library", embedder=HashingEmbedder()) as library:
        lines = told(library, folder / name)
    reading = [line for line in lines if line.startswith("reading")]
    embedding = lines[len(reading) :]
    assert reading
    assert all(line.startswith(f"reading  [{'#' * 20}] 100%  {n} records") for line in reading)
    assert embedding
    assert all(line.startswith("embedding  [") and line.endswith(f"{n} added") for line in embedding)
    assert f"100%  {n} of {n} chunks" in embedding[-1]


def test_a_file_that_is_known_as_a_whole_is_not_said_to_be_unread(folder: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", embedder=HashingEmbedder()) as library:
        library.add(read_papers(folder), embed=False)
        lines = told(library, folder)
    assert all(line.startswith("embedding  [") and line.endswith("6 unchanged") for line in lines)
    assert "0 of 6 chunks" in lines[0]
    assert "6 of 6 chunks" in lines[-1]


def test_a_file_that_is_gone_when_the_next_is_read_does_not_end_the_add(folder: Path) -> None:
    reading = read_papers(folder)
    for _ in range(4):
        next(reading)
        (folder / "a.jsonl").unlink(missing_ok=True)
        assert reading.share() is not None
    assert len(list(reading)) == 2
    assert reading.share() == 1.0


def test_rates_and_what_is_left_come_from_the_last_seconds() -> None:
    now = 0.0
    progress = Progress(lambda: now / 100, clock=lambda: now)
    for now in (10.0, 20.0):
        progress(AddReport(added=int(now) * 100, n_skipped=1))
    line = progress.line(AddReport(added=2_000, n_skipped=1))
    assert line == "reading  [####................]  20%  2,001 records  100/s  80 s left  2,000 added, 1 rejected"

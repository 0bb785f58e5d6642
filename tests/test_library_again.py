"""Files that were read before, changed here and there: no change is missed, and nothing else is read again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hashing import HashingEmbedder, kelp_paper
from hypothesis import given, settings
from hypothesis import strategies as st

import rag.readers
import rag.readers.json_lines
import rag.readers.records
from rag.adding import AddReport
from rag.index.rows import digest_of
from rag.library import Library
from rag.readers import read_papers
from rag.readers.records import RawDigest
from rag.types import Paper

pytestmark = pytest.mark.slow

N_RECORDS = 12

Record = dict[str, Any]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", embedder=HashingEmbedder()) as library:
        yield library
        assert library.verify() == []


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles of the records that were read, in order, and not just recognised."""
    titles: list[str] = []
    original = rag.readers.json_lines.paper_of

    def noted(value: Any, origin: str, line: int) -> Any:
        titles.append(value["title"])
        return original(value, origin, line)

    monkeypatch.setattr(rag.readers.json_lines, "paper_of", noted)
    return titles


def record(n: int, **fields: Any) -> Record:
    paper = kelp_paper(n)
    return {"paper_id": paper.paper_id, "title": paper.title, "abstract": paper.abstract, "year": 2020} | fields


def write(file: Path, records: list[Record]) -> Path:
    file.write_text("".join(json.dumps(one) + "\n" for one in records))
    return file


def add(library: Library, file: Path, **named: Any) -> AddReport:
    return library.add(read_papers(file), **named)


def counts(report: AddReport) -> tuple[int, int, int, int]:
    return report.added, report.updated, report.unchanged, report.duplicates


def test_of_a_longer_file_only_what_is_new_is_read(library: Library, tmp_path: Path, read: list[str]) -> None:
    file = write(tmp_path / "p.jsonl", [record(n) for n in range(N_RECORDS)])
    assert counts(add(library, file)) == (N_RECORDS, 0, 0, 0)
    before = list(library.papers())
    read.clear()
    write(file, [record(n) for n in range(N_RECORDS + 1)])
    assert counts(add(library, file)) == (1, 0, N_RECORDS, 0)
    # The first of a file is always read: it tells whether the file holds papers at all.
    assert read == ["Title 0", f"Title {N_RECORDS}"]
    assert list(library.papers()) == [*before, replace(before[0], **vars_of(kelp_paper(N_RECORDS)))]


def vars_of(paper: Paper) -> dict[str, str]:
    return {"paper_id": paper.paper_id, "title": paper.title, "abstract": paper.abstract}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("abstract", "Kelp grows slowly. Running is word5."),
        ("title", "Title five"),
        ("year", 2021),
        ("authors", ["Ada Lovelace"]),
        ("keywords", ["kelp"]),
        ("doi", "10.1234/kelp"),
        ("notice", "retracted"),
    ],
)
def test_any_edited_field_of_one_record_is_seen(library: Library, tmp_path: Path, name: str, value: Any) -> None:
    records = [record(n) for n in range(N_RECORDS)]
    file = write(tmp_path / "p.jsonl", records)
    add(library, file)
    records[5] |= {name: value}
    assert counts(add(library, write(file, records))) == (0, 1, N_RECORDS - 1, 0)
    held = getattr(library.paper("p5"), name)
    assert (list(held) if isinstance(held, tuple) else held) == value
    del records[5][name]
    records[5] |= {key: old for key, old in record(5).items() if key == name}
    report = add(library, write(file, records))
    assert counts(report) == (0, 1, N_RECORDS - 1, 0)
    assert library.paper("p5") == next(paper for paper in papers_of(file) if paper.paper_id == "p5")


def papers_of(file: Path) -> list[Paper]:
    return [paper for paper in read_papers(file) if isinstance(paper, Paper)]


def test_a_record_that_moves_to_another_file_is_known_from_both(library: Library, tmp_path: Path) -> None:
    one = write(tmp_path / "a.jsonl", [record(n) for n in range(6)])
    other = write(tmp_path / "b.jsonl", [record(n) for n in range(6, 12)])
    add(library, one)
    add(library, other)
    write(one, [record(n) for n in range(5)])
    write(other, [record(n) for n in (*range(6, 12), 5)])
    assert counts(add(library, one)) == (0, 0, 5, 0)
    assert counts(add(library, other)) == (0, 0, 6, 1)
    assert library.paper("p5").origins == (str(one), str(other))
    write(other, [record(n) for n in (*range(6, 12), 5)][::-1])
    assert counts(add(library, other)) == (0, 0, 7, 0)


def test_a_removed_paper_comes_back_with_its_file(library: Library, tmp_path: Path) -> None:
    file = write(tmp_path / "p.jsonl", [record(n) for n in range(N_RECORDS)])
    add(library, file)
    library.remove(["p0", "p7"])
    assert counts(add(library, file)) == (2, 0, N_RECORDS - 2, 0)
    assert len(library) == N_RECORDS
    assert library.paper("p7").abstract == kelp_paper(7).abstract


def test_unread_records_get_the_tags_of_the_new_add(library: Library, tmp_path: Path) -> None:
    file = write(tmp_path / "p.jsonl", [record(n) for n in range(N_RECORDS)])
    add(library, file, tags=["sea"])
    assert counts(add(library, file, tags=["to read"])) == (0, 0, N_RECORDS, 0)
    assert {paper.tags for paper in library.papers()} == {("sea", "to read")}


def test_another_edition_of_the_readers_reads_everything_again(
    library: Library, tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "p.jsonl", [record(n) for n in range(N_RECORDS)])
    add(library, file)
    read.clear()
    for module in (rag.readers, rag.readers.records):
        monkeypatch.setattr(module, "EDITION", rag.readers.records.EDITION + 1)
    assert counts(add(library, file)) == (0, 0, N_RECORDS, 0)
    assert read == [f"Title {n}" for n in range(N_RECORDS)]
    read.clear()
    write(file, [record(n) for n in range(N_RECORDS + 1)])
    assert counts(add(library, file)) == (1, 0, N_RECORDS, 0)
    assert read == ["Title 0", f"Title {N_RECORDS}"]


def test_an_edit_beside_an_unchanged_record_of_the_same_paper_keeps_what_that_one_said(
    library: Library, tmp_path: Path
) -> None:
    """What the second record gave is read again, since the edit of the first throws away what both had made."""
    first, second = record(5), record(5, keywords=["algae"])
    file = write(tmp_path / "p.jsonl", [record(0), first, second])
    add(library, file)
    assert library.paper("p5").keywords == ("algae",)
    add(library, write(file, [record(0), first | {"year": 2021}, second]))
    assert (library.paper("p5").year, library.paper("p5").keywords) == (2021, ("algae",))


def test_a_broken_record_is_told_each_time(library: Library, tmp_path: Path) -> None:
    file = write(tmp_path / "p.jsonl", [record(n) for n in range(3)])
    with file.open("a") as stream:
        stream.write('{"title": "Half a rec\n{"abstract": "without a title"}\n')
    for n_more in range(3):
        report = add(library, file)
        assert [(one.line, one.reason.partition(":")[0]) for one in report.skipped] == [
            (4 + n_more, "broken JSON"),
            (5 + n_more, "no title"),
        ]
        file.write_text("\n" + file.read_text())


def test_a_file_that_holds_no_paper_says_so_though_records_are_left_unread(library: Library, tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text('{"abstract": "without a title"}\n{"abstract": "another"}\n')
    with pytest.raises(rag.readers.ReadError, match="holds no paper \\(2 parts skipped"):
        add(library, file)


def test_an_older_library_whose_records_were_known_by_what_they_say_changes_nothing(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "p.jsonl", [record(n) for n in range(N_RECORDS)])
    library.add(papers_of(file))
    with library.snapshot() as snapshot:
        assert snapshot is not None
        assert len(snapshot.seen([digest_of(paper) for paper in papers_of(file)])) == N_RECORDS
    before = list(library.papers())
    assert counts(add(library, file)) == (0, 0, N_RECORDS, 0)
    assert list(library.papers()) == before


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=20), min_size=2, max_size=2, unique=True), st.lists(st.text(max_size=9), min_size=2))
def test_digests_differ_with_the_text_and_with_the_place(texts: list[str], origins: list[str]) -> None:
    digests = {(origin, text): RawDigest(origin).of(text) for origin in origins for text in texts}
    assert len(set(digests.values())) == len(digests)

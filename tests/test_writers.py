"""What is exported reads back as the same papers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rag.errors import UsageError
from rag.readers import read_papers
from rag.types import Paper
from rag.writers import export_papers

PAPERS = (
    Paper(
        "doi:10.1234/moss",
        "Moss {Remembers} 50% of Light & $\\alpha$ decay",
        "BACKGROUND: Gödel's moss, 5 < 6 & 7 > 3.\nRESULTS: It turned in 62% of 400 shoots; H_2O \\cite{x} helps.",
        ("Ada Lovelace", "Bo de Yin"),
        2021,
        "Journal of Moss & Fern",
        "https://example.org/a?b=1&c=%20d",
        doi="10.1234/moss",
        keywords=("moss", "light"),
    ),
    Paper("arxiv:2101.00007", "Ferns in spring", "Ferns were lit.", ("Cy Young",), 2021, arxiv_id="2101.00007"),
    Paper("pmid:7", "Papers without an abstract", "", pmid="7"),
)
KEPT = ("title", "abstract", "authors", "year", "doi", "keywords")


@pytest.mark.parametrize("name", ["out.jsonl", "out.json", "out.ris", "out.bib"])
def test_an_export_reads_back_as_the_same_papers(tmp_path: Path, name: str) -> None:
    assert export_papers(PAPERS, tmp_path / name) == len(PAPERS)
    back = list(read_papers(tmp_path / name))
    assert [getattr(paper, "title", paper) for paper in back] == [paper.title for paper in PAPERS]
    for paper, again in zip(PAPERS, back, strict=True):
        assert isinstance(again, Paper)
        for field in KEPT:
            assert _blanks(getattr(again, field)) == _blanks(getattr(paper, field)), (field, again)
        assert again.paper_id == paper.paper_id


def _blanks(value: object) -> object:
    """RIS and BibTeX have no line breaks."""
    return " ".join(value.split()) if isinstance(value, str) else value


def test_json_lines_lose_nothing_at_all(tmp_path: Path) -> None:
    paper = replace(PAPERS[0], notice="Retracted in 2022.")
    export_papers([paper], tmp_path / "out.jsonl")
    (again,) = read_papers(tmp_path / "out.jsonl")
    assert isinstance(again, Paper)
    assert replace(again, origin=None) == paper


def test_a_format_that_the_ending_does_not_tell_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--format"):
        export_papers(PAPERS, tmp_path / "out.docx")
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_fails_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    (tmp_path / "out.ris").write_text("mine")

    def failing() -> object:
        yield PAPERS[0]
        raise RuntimeError("no more papers")

    with pytest.raises(RuntimeError):
        export_papers(failing(), tmp_path / "out.ris")  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["out.ris"]
    assert (tmp_path / "out.ris").read_text() == "mine"

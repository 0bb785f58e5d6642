"""Every format that papers come in, from small files of our own; the same two invented papers run through them."""

import bz2
import gzip
import json
import shutil
import zipfile
from pathlib import Path

import pytest
import zstandard

from rag.errors import ReadError
from rag.papers import paper_id_for
from rag.readers import FORMATS, read_papers
from rag.readers.file import open_text
from rag.types import Paper, Skipped

SAMPLES = Path(__file__).parent / "data" / "importers"
MOSS = "Moss remembers light after four weeks"


def parts_of(path: Path) -> tuple[list[Paper], list[Skipped]]:
    parts = list(read_papers(path))
    return [p for p in parts if isinstance(p, Paper)], [p for p in parts if isinstance(p, Skipped)]


def format_of(path: Path) -> str:
    file = open_text(str(path), lambda: path.open("rb"))
    return next(known.name for known in FORMATS if known.recognise(file.head))


@pytest.mark.parametrize(
    ("sample", "name", "n_papers", "lines_skipped"),
    [
        ("daily.json", "Daily Papers JSON", 2, []),
        ("arxiv.atom", "arXiv Atom", 2, []),
        ("pubmed.xml", "PubMed XML", 2, [49]),
        ("medline.nbib", "MEDLINE (NBIB)", 2, []),
        ("papers.ris", "RIS", 2, [25]),
        ("wos.txt", "Web of Science", 2, []),
        ("papers.bib", "BibTeX", 2, [18, 23]),
        ("endnote.xml", "EndNote XML", 2, []),
        ("endnote.enw", "EndNote ENW", 2, [20]),
        ("openalex.json", "OpenAlex JSON", 2, [12]),
        ("crossref.json", "Crossref JSON", 3, []),
        ("csl.json", "CSL-JSON", 2, []),
        ("papers.csv", "CSV or TSV", 2, [5, 6]),
        ("papers.tsv", "CSV or TSV", 2, []),
        ("paper.md", "one paper as text", 1, [13]),
        ("front_matter.md", "one paper as text", 1, []),
    ],
)
def test_each_format_is_told_by_its_content_and_gives_its_papers(tmp_path, sample, name, n_papers, lines_skipped):
    renamed = shutil.copy(SAMPLES / sample, tmp_path / "download")
    assert format_of(renamed) == name
    papers, skipped = parts_of(renamed)
    assert len(papers) == n_papers
    assert [part.line for part in skipped] == lines_skipped
    first = papers[0]
    assert first.title.replace("{", "").replace("}", "").startswith("Moss remembers")
    assert first.abstract.strip()
    assert first.authors[0] in ("Ada Lovelace", "Lovelace A.")
    assert first.year == 2021
    assert first.paper_id == paper_id_for(first.title, doi=first.doi, arxiv_id=first.arxiv_id, pmid=first.pmid)
    assert first.paper_id in ("doi:10.1234/jqp.2021.007", "arxiv:2101.00007")
    assert all(paper.origin == str(renamed) for paper in papers)


def test_a_paper_without_an_abstract_is_kept_with_an_empty_one():
    for sample in ("daily.json", "pubmed.xml", "medline.nbib", "papers.ris", "wos.txt", "endnote.enw", "papers.tsv"):
        assert parts_of(SAMPLES / sample)[0][1].abstract == ""


def test_what_says_that_it_was_retracted_or_withdrawn_is_marked():
    notices = {path.name: [p.notice for p in parts_of(path)[0]] for path in sorted(SAMPLES.iterdir())}
    assert notices["arxiv.atom"] == [
        None, "withdrawn: This paper has been withdrawn by the author due to an error in Eq. 2"
    ]  # fmt: skip
    assert notices["pubmed.xml"] == [None, "retracted: Acta Nubium. 2020 May;3(1):9"]
    assert notices["medline.nbib"] == [None, "retracted: Acta Nubium. 2020 May;3(1):9. PMID: 30000003"]
    assert notices["papers.ris"] == [None, "retracted (says its title)"]
    assert notices["wos.txt"] == [None, "retracted (Article; Retracted Publication)"]
    assert notices["openalex.json"] == [None, "retracted (OpenAlex)"]
    # The notice of a retraction is not itself retracted.
    assert notices["crossref.json"] == [None, "retracted: https://doi.org/10.1234/acta.43", None]
    for name in ("papers.bib", "csl.json", "papers.csv"):
        assert notices[name][0] is None and notices[name][1].startswith("retracted")
    assert notices["endnote.xml"] == [None, "withdrawn (says its title)"]


@pytest.mark.parametrize(
    ("comment", "is_marked"),
    [
        ("This paper has been withdrawn by the authors", True),
        ("12 pages. Withdrawn.", False),
        ("Withdrawn because it is contained in another paper", True),
        ("Article temporarily withdrawn while it is revised", True),
        ("Admin note: withdrawn by arXiv admin because of a pseudonym", True),
        ("Withdrawn from ENTCS in 2014", False),
        ("We study how samples are withdrawn from a reservoir", False),
    ],
)
def test_a_comment_marks_a_paper_only_if_it_speaks_of_the_paper(tmp_path, comment, is_marked):
    path = tmp_path / "arxiv"
    path.write_text(json.dumps({"id": "2101.00007", "title": "T", "abstract": "A.", "comments": comment}))
    assert bool(parts_of(path)[0][0].notice) is is_marked


def test_structured_abstracts_keep_their_labels():
    labelled = {
        "pubmed.xml": "BACKGROUND: Moss grows slowly in the dark.\n"
        "RESULTS: After 28 days, 62% of 10^3 shoots turned to the light, with 13CO2.\nNothing else moved.",
        "crossref.json": "Background: Moss grows slowly in the dark & cold, 10^−3 m a day.\n"
        "Results: It turned to the light.",
        "endnote.xml": "BACKGROUND: Moss grows slowly in the dark.\nRESULTS: It turned to the light.",
        "endnote.enw": "BACKGROUND: Moss grows slowly in the dark.\nRESULTS: It turned to the light.",
        "papers.ris": "BACKGROUND: Moss grows slowly in the dark.\nRESULTS: After 28 days, 62% of shoots turned to the "
        "light within 3 h.",
    }
    assert {name: parts_of(SAMPLES / name)[0][0].abstract for name in labelled} == labelled


def test_pubmed_gives_what_it_has_and_no_reference_lends_its_doi():
    moss, clouds = parts_of(SAMPLES / "pubmed.xml")[0]
    assert (moss.pmid, moss.year, moss.venue) == ("30000001", 2021, "Journal of Quiet Plants")
    assert moss.authors == ("Ada Lovelace", "The Moss Group")
    assert moss.keywords == ("phototropism", "Bryophyta")
    assert moss.url == "https://pubmed.ncbi.nlm.nih.gov/30000001/"
    assert clouds.doi == "10.1234/acta.42"


def test_bibtex_keeps_its_tex_and_puts_strings_together():
    moss, clouds = parts_of(SAMPLES / "papers.bib")[0]
    assert moss.title == r"{Moss} remembers $\alpha$-light after four weeks"
    assert moss.abstract == (
        'Moss grows slowly in the dark, says R\\"ossler @ home.\nAfter 28 days, 62\\% of shoots turned to the light.'
    )
    assert moss.authors == ("Ada Lovelace", r"Ren{\'e} Magritte", "The Moss Group")
    assert (moss.venue, clouds.venue) == ("Journal of Quiet Plants", "Proc. Journal of Quiet Plants")


def test_names_come_out_in_one_order():
    expected = {"medline.nbib": "Rene Magritte", "papers.ris": "René Magritte", "wos.txt": "René Magritte",
                "endnote.xml": "René Magritte", "papers.tsv": "René Magritte", "csl.json": "Bo van der Berg",
                "crossref.json": "The Moss Group", "papers.csv": "Magritte R."}  # fmt: skip
    assert {name: parts_of(SAMPLES / name)[0][0].authors[1] for name in expected} == expected


def test_arxiv_is_stored_byte_for_byte():
    assert parts_of(SAMPLES / "arxiv.atom")[0][0].abstract == (
        "  Moss grows slowly in the dark. After 28 days, 62% of shoots\n"
        "turned to the light within $3\\,$h, and 5 < 7.\n"
    )


def test_semantic_scholars_records_are_read_too(tmp_path):
    path = tmp_path / "s2"
    record = {"paperId": "ab", "externalIds": {"DOI": "10.1234/X", "PubMed": "12", "ArXiv": "2101.00007"}, "title": "T",
              "abstract": None, "venue": "V", "year": 2021, "authors": [{"authorId": "1", "name": "A B"}]}  # fmt: skip
    path.write_text(json.dumps({"total": 1, "offset": 0, "data": [record]}, indent=1))
    (paper,) = parts_of(path)[0]
    assert (paper.paper_id, paper.doi, paper.pmid, paper.authors) == ("arxiv:2101.00007", "10.1234/x", "12", ("A B",))


def test_labelled_text_of_several_papers_is_read(tmp_path):
    path = tmp_path / "notes"
    path.write_text(
        "Title: One\nAuthors: A B; C D\nYear: 2020\nAbstract: It is so.\nMethods: we looked.\n\n"
        "Title: Two\nAbstract:\nNot so.\n"
    )
    one, two = parts_of(path)[0]
    assert (one.title, one.authors, one.year, one.abstract) == (
        "One",
        ("A B", "C D"),
        2020,
        "It is so.\nMethods: we looked.",
    )
    assert (two.title, two.abstract) == ("Two", "Not so.")


# Compressed files, archives, folders


def compressed(data: bytes) -> dict[str, bytes]:
    # Two members or frames: what `cat a.gz b.gz` makes is one file too.
    half = len(data) // 2
    zstd = zstandard.ZstdCompressor()
    return {
        "gz": gzip.compress(data[:half]) + gzip.compress(data[half:]),
        "bz2": bz2.compress(data[:half]) + bz2.compress(data[half:]),
        "zst": zstd.compress(data[:half]) + zstd.compress(data[half:]),
        "twice": gzip.compress(bz2.compress(data)),
    }


@pytest.mark.parametrize("sample", ["papers.ris", "pubmed.xml", "openalex.json", "papers.csv"])
def test_compressed_files_give_what_they_hold_whatever_they_are_called(tmp_path, sample):
    expected = [part.title for part in parts_of(SAMPLES / sample)[0]]
    for name, data in compressed((SAMPLES / sample).read_bytes()).items():
        path = tmp_path / f"{name}.txt"
        path.write_bytes(data)
        assert [part.title for part in parts_of(path)[0]] == expected


def test_an_archive_is_read_member_by_member_and_nothing_is_written(tmp_path):
    path, before = tmp_path / "papers.zip", sorted(SAMPLES.iterdir())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b/papers.ris.gz", gzip.compress((SAMPLES / "papers.ris").read_bytes()))
        archive.writestr("a.bib", (SAMPLES / "papers.bib").read_bytes())
        archive.writestr("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
        archive.writestr("__MACOSX/._a.bib", b"x")
        archive.writestr("../../climbs.ris", (SAMPLES / "papers.ris").read_bytes())
    papers, skipped = parts_of(path)
    assert [Path(paper.origin).name for paper in papers] == ["a.bib", "a.bib", "papers.ris.gz", "papers.ris.gz"]
    reasons = {Path(part.origin).name: part.reason for part in skipped if part.line == 0}
    assert "climbs out" in reasons["climbs.ris"]
    assert "hidden" in reasons["._a.bib"]
    assert "not a text file" in reasons["picture.png"]
    assert sorted(tmp_path.iterdir()) == [path] and sorted(SAMPLES.iterdir()) == before


def test_a_folder_is_read_in_the_order_of_its_names_and_what_is_no_paper_is_named(tmp_path):
    folder = tmp_path / "papers"
    (folder / "sub" / ".git").mkdir(parents=True)
    for name in ("b.txt", "a", "sub/c.dat"):
        shutil.copy(SAMPLES / "medline.nbib", folder / name)
    (folder / "sub" / "d.pdf").write_bytes(b"%PDF-1.4\n")
    (folder / "empty.ris").write_bytes(b"")
    (folder / ".hidden").write_text("x")
    (tmp_path / "secret.ris").write_bytes((SAMPLES / "papers.ris").read_bytes())
    (folder / "link.ris").symlink_to(tmp_path / "secret.ris")
    (folder / "circle").symlink_to(folder)
    papers, skipped = parts_of(folder)
    assert [str(Path(paper.origin).relative_to(folder)) for paper in papers[::2]] == ["a", "b.txt", "sub/c.dat"]
    assert {Path(part.origin).name for part in skipped} == {
        "d.pdf", "empty.ris", ".hidden", "link.ris", "circle", ".git"
    }  # fmt: skip


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ReadError, match="holds no file"):
        list(read_papers(tmp_path))


def test_a_table_that_names_no_titles_is_not_taken_for_a_page_of_papers(tmp_path):
    rows = [
        "path\tbytes\tsource",
        *(f"reports/spring_{n}.pdf\t{n}00\tShelf {n}: what was measured, and where." for n in range(30)),
    ]
    (tmp_path / "inventory.tsv").write_text("\n".join(rows))
    with pytest.raises(ReadError, match="nothing that looks like papers"):
        parts_of(tmp_path / "inventory.tsv")

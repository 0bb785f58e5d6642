"""Files as they come: copied pages with holes, broken JSON, other encodings, and things that are no papers."""

import gzip
import json
import random
import tracemalloc
from pathlib import Path

import pytest

import rag
from rag.errors import ReadError
from rag.readers import read_papers
from rag.types import Paper, Skipped

SEED = Path(rag.__file__).parent / "data" / "daily_papers.txt"
SEED_LINES = SEED.read_text(encoding="utf-8").split("\n")
PAIRS = [(SEED_LINES[i], SEED_LINES[i + 2]) for i in range(12, len(SEED_LINES), 4)]
ABSTRACT = "We study how networks learn from feedback. The results hold on three data sets."


@pytest.fixture
def read(tmp_path):
    """Reads a text (or bytes) as a file; gives the papers' (title, abstract) and the skipped parts."""

    def reading(content: str | bytes) -> tuple[list[tuple[str, str]], list[Skipped]]:
        path = tmp_path / "input"
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        parts = list(read_papers(path))
        papers = [(part.title, part.abstract) for part in parts if isinstance(part, Paper)]
        return papers, [part for part in parts if isinstance(part, Skipped)]

    return reading


# The page that the project opens with, and what may become of such pages.


def test_the_sample_page_gives_62_papers_byte_for_byte_and_nothing_else():
    parts = list(read_papers(SEED))
    assert [(part.title, part.abstract) for part in parts] == PAIRS
    assert len(parts) == 62
    assert len({part.paper_id for part in parts}) == 62
    assert all(part.origin == str(SEED) and part.authors == () for part in parts)


@pytest.mark.slow
@pytest.mark.parametrize("gap_is_kept", [1.0, 0.6])
def test_what_is_left_of_a_torn_page_is_right_and_what_is_lost_is_named_by_its_line(read, gap_is_kept):
    generator = random.Random(3)
    for _ in range(30):
        lines, expected, lost = SEED_LINES[:12], [], []
        has_abstract = True
        for title, abstract in PAIRS:
            # A title after a missing abstract stays: with both gone nobody could tell that the rest is no pair.
            has_title = not has_abstract or generator.random() > 0.15
            has_abstract = generator.random() > 0.15
            for part in [title] * has_title + [abstract] * has_abstract:
                lines.append(part)
                if has_title != has_abstract:
                    lost.append(len(lines))
                if generator.random() < gap_is_kept:
                    lines.append("")
            if has_title and has_abstract:
                expected.append((title, abstract))
        papers, skipped = read("\n".join(lines))
        assert papers == expected
        assert [part.line for part in skipped] == lost
        assert all(part.reason and len(part.excerpt) <= 80 for part in skipped)


def test_line_ends_of_windows_and_of_old_macs_change_nothing(read):
    for ending in ("\r\n", "\r"):
        papers, skipped = read(ending.join(SEED_LINES))
        assert papers == PAIRS
        assert skipped == []


def test_a_page_without_any_blank_line_reads_the_same(read):
    assert read("\n".join(line for line in SEED_LINES if line)) == (PAIRS, [])


@pytest.mark.parametrize(
    "furniture",
    ["Jan 3", "Published on Aug 20", "Published on Aug 20, 2025", "2025-08-20", "Upvote\n\n123", "1.2k",
     "Submitted by\n\nakhaliq",
     "Submitted by akhaliq", "GitHub 4.5k", "·\n12 authors\n·", "Daily Papers", "byAK and the research community"],
)  # fmt: skip
def test_what_belongs_to_the_site_is_neither_a_paper_nor_a_failure(read, furniture):
    page = "\n\n".join(
        [furniture, "A First Title", ABSTRACT, furniture, "A Second Title", furniture, ABSTRACT, furniture]
    )
    assert read(page) == ([("A First Title", ABSTRACT), ("A Second Title", ABSTRACT)], [])


def test_a_header_line_that_nobody_knows_is_named(read):
    papers, skipped = read(f"Win a free mug\n\nJan 3\n\nA Title\n\n{ABSTRACT}\n")
    assert papers == [("A Title", ABSTRACT)]
    assert [(part.line, part.excerpt) for part in skipped] == [(1, "Win a free mug")]


def test_author_lines_become_authors(tmp_path):
    path = tmp_path / "page"
    path.write_text(
        f"A Title\n\nAda Lovelace, Bo van der Berg and C. D. Eff\n\n{ABSTRACT}\n\n"
        f"Another\n\nAuthors: Gil Ho\n{ABSTRACT}\n"
    )
    first, second = read_papers(path)
    assert first.authors == ("Ada Lovelace", "Bo van der Berg", "C. D. Eff")
    assert (second.title, second.authors) == ("Another", ("Gil Ho",))


@pytest.mark.parametrize(
    "title",
    ["Is It Alive?", "We Need to Talk About Seeds", "A Study*", "Attention Is Not Explanation. Or Is It?",
     'A Simple "Try Again": Why?', "Dynamical Linear Bandits", "Random Matrices and Chiral Symmetry",
     "Effects of imaging on the developing brain in vivo.", "Trees, Forests, and Networks", "T" * 150, "学习排序"],
)  # fmt: skip
def test_titles_of_every_kind_are_titles(read, title):
    page = f"First One\n\n{ABSTRACT}\n\n{title}\n\n{ABSTRACT}\n\nLast One\n\n{ABSTRACT}\n"
    assert read(page) == ([("First One", ABSTRACT), (title, ABSTRACT), ("Last One", ABSTRACT)], [])


@pytest.mark.parametrize(
    "abstract",
    ["We prove it.", "A counterexample is given to a conjecture of Smith.",
     "We ask a question. Is it true? We do not know",
     "See https://example.org/paper for the erratum.", "本文研究学习。结果很好。"],
)  # fmt: skip
def test_short_abstracts_are_abstracts(read, abstract):
    page = f"First One\n\n{abstract}\n\nA Second Title\n\n{abstract}\n"
    assert read(page) == ([("First One", abstract), ("A Second Title", abstract)], [])


def test_a_paragraph_that_says_that_it_goes_on_belongs_to_the_abstract(read):
    more = "Code is available at https://example.org/x."
    papers, skipped = read(
        f"A Title\n\n{ABSTRACT}\n\n{more}\n\nResults: It works well. We are glad.\n\n"
        f"B Title\n{ABSTRACT}\nIt ends here. Yes.\n"
    )
    assert papers[0] == ("A Title", f"{ABSTRACT}\n\n{more}\n\nResults: It works well. We are glad.")
    assert papers[1] == ("B Title", f"{ABSTRACT}\nIt ends here. Yes.")
    assert skipped == []


def test_a_paragraph_that_may_be_another_papers_abstract_is_not_given_to_the_one_above(read):
    other = "Feedback matters in biology. Neurons send it back, and we measure how often they do."
    papers, skipped = read(f"A Title\n\n{ABSTRACT}\n\n{other}\n\nB Title\n\n{ABSTRACT}\n")
    assert papers == [("A Title", ABSTRACT), ("B Title", ABSTRACT)]
    assert [(part.line, part.excerpt[:17]) for part in skipped] == [(5, "Feedback matters ")]


def test_an_abstract_broken_into_lines_keeps_its_line_breaks(read):
    import textwrap

    wrapped = "\n".join(textwrap.wrap(PAIRS[0][1], 80))
    for gap in ("\n\n", "\n"):
        page = f"Jan 3\n\n{PAIRS[0][0]}{gap}{wrapped}\n\n{PAIRS[1][0]}{gap}{PAIRS[1][1]}\n"
        assert read(page) == ([(PAIRS[0][0], wrapped), PAIRS[1]], [])


def test_a_title_beyond_the_bound_is_named_and_its_neighbours_are_read(read):
    papers, skipped = read("\n\n".join([*PAIRS[0], "word " * 2_000, PAIRS[1][1], *PAIRS[2]]))
    assert papers == [PAIRS[0], PAIRS[2]]
    assert skipped and skipped[0].line == 5


def test_direction_marks_stay_and_a_nul_skips_its_paper_alone(read):
    marked = "We study \u202eRTL\u202c and zero\u200bwidth\ufeff text. It holds."
    papers, skipped = read(f"First One\n\n{marked}\n\nA Second Title\n\n{ABSTRACT}\0\n\nThird One\n\n{ABSTRACT}\n")
    assert papers == [("First One", marked), ("Third One", ABSTRACT)]
    assert [(part.line, "NUL" in part.reason) for part in skipped] == [(5, True)]


# JSON


def test_records_of_beir_of_arxiv_and_of_our_own_are_read(tmp_path):
    records = [
        {"_id": "4983", "title": "A", "text": "Text. More."},
        {"id": "0704.0001v2", "title": "B\n  wrapped", "abstract": "  Ab.\nCd.\n", "authors": "A. B, C. D and E. F",
         "journal-ref": "Phys.Rev.D76", "doi": "10.1103/X", "update_date": "2008-11-26"},
        {"paper_id": "arxiv:2305.12345", "title": "C", "abstract": "Ef.", "authors": ["G", "H"], "year": 2023,
         "venue": "V", "url": "https://x.org", "doi": None, "arxiv_id": "2305.12345"},
        {"title": "D", "summary": "Gh.", "authors": [{"name": "I J"}],
         "url": "javascript:alert(1)", "published": "2020-01-02"},
    ]  # fmt: skip
    lines, array = tmp_path / "lines", tmp_path / "array"
    lines.write_text("\n\n".join(map(json.dumps, records)))
    array.write_text(json.dumps(records, indent=1))
    beir, arxiv, own, other = read_papers(lines)
    assert (beir.paper_id, beir.abstract) == ("4983", "Text. More.")
    assert (arxiv.paper_id, arxiv.title, arxiv.abstract) == ("arxiv:0704.0001", "B wrapped", "  Ab.\nCd.\n")
    assert (arxiv.authors, arxiv.year, arxiv.venue) == (("A. B", "C. D", "E. F"), 2007, "Phys.Rev.D76")
    assert own == Paper(
        "arxiv:2305.12345", "C", "Ef.", ("G", "H"), 2023, "V", "https://x.org", None, "2305.12345", str(lines)
    )
    assert (other.authors, other.year, other.url) == (("I J",), 2020, None)
    assert [part.content_hash for part in read_papers(array)] == [p.content_hash for p in (beir, arxiv, own, other)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"title": "A", "abstract": "B"', "broken JSON"),
        ("[" * 100_000, "nested"),
        ('{"title": "A", "abstract": "B", "n": ' + "9" * 5_000 + "}", "digits"),
        ("7", "a number where an object"),
        ("null", "null where an object"),
        ('{"title": 5, "abstract": "B"}', "'title' is a number"),
        ('{"title": "A", "abstract": ["B"]}', "'abstract' is a list"),
        ('{"title": "A", "abstract": "B", "authors": 5}', "'authors'"),
        ('{"title": "A", "abstract": "B", "authors": [5]}', "'authors'"),
        ('{"title": "A", "abstract": "B", "year": true}', "'year'"),
        ('{"title": "A", "abstract": "B", "_id": 4.5}', "'_id'"),
        ('{"title": "A", "abstract": "B", "arxiv_id": 2305.1}', "'arxiv_id'"),
        ('{"abstract": "B"}', "no title"),
        ('{"title": "A", "abstract": "B\\u0000"}', "NUL"),
        ('{"title": "A\\ud800", "abstract": "B"}', "surrogate"),
        ('{"title": "A", "abstract": "B", "_id": "a\\nb"}', "id is not printable"),
        (json.dumps({"title": "A" * 10_000, "abstract": "B"}), "10,000 characters"),
    ],
)
def test_a_record_that_is_wrong_is_named_and_the_others_are_read(read, line, reason):
    good = json.dumps({"title": "Good", "abstract": "Fine."})
    papers, skipped = read(f"{good}\n{line}\n{good}\n")
    assert papers == [("Good", "Fine.")] * 2
    assert [part.line for part in skipped] == [2]
    assert reason in skipped[0].reason


def test_an_array_that_was_cut_off_gives_what_came_before_the_cut(read):
    good = {"title": "Good", "abstract": "Fine."}
    for cut in (2, 30):
        papers, skipped = read(json.dumps([good, good, good], indent=1)[:-cut])
        assert papers == [("Good", "Fine.")] * (3 if cut == 2 else 2)
        assert len(skipped) == 1


# Files that cannot be read


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n\r\n\xef\xbb\xbf", "is empty"),
        (b"\xff\xfe", "is empty"),
        (b"%PDF-1.7\n\xe2\xe3", "is a PDF"),
        (gzip.compress(b"x" * 100, mtime=0), "nothing that looks like papers"),
        (bytes(range(256)) * 20, "not a text file"),
        ("A Title\n\nWe learn.".encode("utf-16-le"), "not a text file"),
        (b"just a few words", "nothing that looks like papers"),
        (b"<html><body>\nA Title\n\n" + ABSTRACT.encode() + b"</body></html>", "nothing that looks like papers"),
        (b"1,2,3\n4,5,6\n", "nothing that looks like papers"),
        (b"id,title,abstract\n" + ABSTRACT.encode(), "1 cells where the header has 3"),
        (b"# Read me\n\n" + ABSTRACT.encode() + b"\n\n## Install\n\n" + ABSTRACT.encode(), "nothing that looks"),
        (b"TY  - JOUR\n\nAB  - " + ABSTRACT.encode(), "line 1: the file ends inside this record"),
        (b'{"a": 1}\n{"b": 2}\n', "line 1: no title"),
        (b"[]", "holds no paper"),
    ],
)
def test_what_holds_no_papers_is_refused_in_one_line(read, content, words):
    with pytest.raises(ReadError, match=words) as raised:
        read(content)
    assert "\n" not in str(raised.value)


def test_what_is_missing_or_no_file_is_refused_before_anything_is_drawn(tmp_path):
    with pytest.raises(ReadError, match="does not exist"):
        read_papers(tmp_path / "a\nb")
    with pytest.raises(ReadError, match="not a regular file"):
        read_papers(Path("/dev/zero"))
    with pytest.raises(ReadError):
        read_papers(Path("a\0b"))


def test_other_encodings_are_read_with_their_mark_and_otherwise_refused_by_line_and_byte(read):
    page = f"Schrödinger’s Title\n\n{ABSTRACT} Naïve.\n"
    expected = ([("Schrödinger’s Title", f"{ABSTRACT} Naïve.")], [])
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        assert read(page.encode(encoding)) == expected
    with pytest.raises(ReadError, match=r"byte 3 of line 3 is 0xEF.*iconv -f latin1 -t utf-8"):
        read("A Title\n\nNaïve. ".encode("latin1") + ABSTRACT.encode())
    with pytest.raises(ReadError, match=r"line 1: the title is not UTF-8: byte 0xE9 .*iconv"):
        read(b'[{"title": "Caf\xe9", "abstract": "B."}]')


@pytest.mark.slow
@pytest.mark.parametrize(
    "start",
    [b"A Title\n\n", b'{"title": "', b"", b'[{"title": "', b"@article{a, title={", b"TY  - JOUR\nTI  - ", b"<feed"],
)
def test_an_endless_line_is_refused_in_bounded_memory(tmp_path, start):
    path = tmp_path / "endless"
    with path.open("wb") as stream:
        stream.write(start)
        for _ in range(50):
            stream.write(b"a " * 500_000)
    tracemalloc.start()
    try:
        with pytest.raises(ReadError):
            list(read_papers(path))
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "many"
    record = json.dumps({"title": "T", "abstract": ABSTRACT * 10})
    path.write_text(f"{record}\n" * 10_000)
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_papers(path)) == 10_000
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()

"""Files that were made to break a reader: it may refuse them or skip a record, never hang, swell or run anything."""

import bz2
import gzip
import io
import json
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import zstandard

from rag.errors import ReadError
from rag.readers import read_papers
from rag.types import Paper, Skipped

ABSTRACT = "We study how networks learn from feedback. The results hold on three data sets."
RIS = "TY  - JOUR\nTI  - {}\nAB  - {}\nER  - \n\n"


@pytest.fixture
def read(tmp_path):
    """Reads a text (or bytes) as a file: titles, and the skipped parts."""

    def reading(content: str | bytes) -> tuple[list[str], list[Skipped]]:
        path = tmp_path / "input"
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        parts = list(read_papers(path))
        return [p.title for p in parts if isinstance(p, Paper)], [p for p in parts if isinstance(p, Skipped)]

    return reading


@pytest.fixture
def bounded():
    """The test must finish soon, with little memory."""
    tracemalloc.start()
    started = time.process_time()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150_000_000
    assert time.process_time() - started < 60


# XML


def feed(inside: str, doctype: str = "") -> str:
    return f'<?xml version="1.0"?>{doctype}<feed xmlns="http://www.w3.org/2005/Atom"><id>http://arxiv.org/x</id>{inside}</feed>'


def entry(title: str) -> str:
    return f"<entry><id>http://arxiv.org/abs/2101.00007</id><title>{title}</title><summary>{ABSTRACT}</summary></entry>"


BOMB = '<!DOCTYPE feed [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)
) + "]>"  # fmt: skip


@pytest.mark.parametrize(
    "doctype",
    [
        BOMB,
        '<!DOCTYPE feed [<!ENTITY j SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE feed [<!ENTITY j SYSTEM "http://127.0.0.1:9/x">]>',
        '<!DOCTYPE feed [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
    ],
)
def test_declared_entities_are_refused_before_they_are_used(read, bounded, doctype):
    with pytest.raises(ReadError, match="declares entities"):
        read(feed(entry("&j;"), doctype))


def test_a_document_type_alone_is_no_reason_to_refuse_and_nothing_is_fetched(read):
    doctype = '<!DOCTYPE feed PUBLIC "-//X//EN" "http://127.0.0.1:9/x.dtd">'
    assert read(feed(entry("A"), doctype)) == (["A"], [])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (feed("<a>" * 5_000), "nests"),
        (feed("<a " + "b" * 5_000_000), "one piece of mark-up"),
        (feed("<!--" + "-" * 5_000_000), "one piece of mark-up|holds no paper"),
        (feed("<x/>" * 200_000), "holds no paper"),
    ],
)
def test_absurd_xml_is_refused_in_bounded_memory(read, bounded, content, reason):
    with pytest.raises(ReadError, match=reason):
        read(content)


def test_xml_that_was_cut_off_or_broken_gives_what_came_before(read):
    whole = feed(entry("A") + "\n" + entry("B") + "\n" + entry("C"))
    titles, skipped = read(whole[: whole.index("<title>C")])
    assert titles == ["A", "B"]
    assert [(part.line, part.reason[:10]) for part in skipped] == [(3, "broken XML")]
    titles, skipped = read(whole.replace("<title>B", "<title>&nbsp;B"))
    assert titles == ["A"]
    assert [part.line for part in skipped] == [2]


# Archives


def bombs() -> dict[str, bytes]:
    line = b"TY  - JOUR\nTI  - T\nAB  - " + b"a" * 90_000 + b"\nER  - \n"
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.ris", "w") as member:
        for _ in range(1_000):
            member.write(line)
    zstd = zstandard.ZstdCompressor().compressobj()
    return {
        "zip": held.getvalue(),
        "gzip": gzip.compress(line * 1_000),
        "bzip2": bz2.compress(line * 1_000),
        "zstd": b"".join([*(zstd.compress(line) for _ in range(1_000)), zstd.flush()]),
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zip", "gzip", "bzip2", "zstd"])
def test_what_expands_beyond_all_measure_is_given_up(read, kind):
    data = bombs()[kind]
    assert len(data) < 300_000
    tracemalloc.start()
    try:
        titles, skipped = read(data)
    except ReadError as error:
        assert "expands to more than 250 times" in str(error)
    else:
        assert len(titles) < 1_000
        assert "expands to more than 250 times" in skipped[-1].reason
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, zstandard.ZstdCompressor().compress])
def test_compressed_data_that_was_cut_off_or_damaged_says_so(tmp_path, compress):
    path = tmp_path / "input"
    data = compress("".join(RIS.format(f"T{i} {hash(i * 7919)}", f"{ABSTRACT} {i}") for i in range(5_000)).encode())
    for broken in (data[: len(data) // 2], data[:200], data[:-3]):
        path.write_bytes(broken)
        with pytest.raises(ReadError, match=r"ends in the middle|cannot be unpacked"):
            list(read_papers(path))
    path.write_bytes(data[:3_000] + b"\0" * 500 + data[3_500:])
    with pytest.raises(ReadError):
        list(read_papers(path))


def test_an_archive_with_broken_parts_gives_the_others(tmp_path):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.ris", RIS.format("A", ABSTRACT))
        archive.writestr("b.ris", RIS.format("B", ABSTRACT))
        archive.writestr("c.zip", b"PK\x03\x04 and so on")
    data = held.getvalue().replace(b"TI  - A", b"TI  - X", 1)  # its checksum is wrong now
    path = tmp_path / "input"
    path.write_bytes(data)
    parts = list(read_papers(path))
    assert [part.title for part in parts if isinstance(part, Paper)][-1] == "B"
    reasons = {Path(part.origin).name: part.reason for part in parts if isinstance(part, Skipped)}
    assert "CRC" in reasons["a.ris"] and "zip archive inside" in reasons["c.zip"]
    for cut in (len(data) // 2, len(data) - 5):
        path.write_bytes(data[:cut])
        with pytest.raises(ReadError):
            list(read_papers(path))


def test_an_office_document_and_an_encrypted_archive_are_named(tmp_path):
    path = tmp_path / "input"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
    with pytest.raises(ReadError, match="Office document"):
        list(read_papers(path))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.ris", RIS.format("A", ABSTRACT))
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ReadError, match="1 parts skipped"):
        list(read_papers(path))


# Records


def test_ten_thousand_nested_braces_cost_their_entry_alone(read, bounded):
    good = "@article{a, title = {A Good One}, abstract = {Fine.}}\n"
    for nested in ("{" * 10_000 + "x" + "}" * 10_000, "{" * 10_000, "}" * 10_000, '"' * 10_001):
        titles, skipped = read(good + f"@article{{b, title = {nested}\n}}\n" + good)
        assert titles[0] == titles[-1] == "A Good One"
        assert len(titles) + len(skipped) >= 3


def test_a_ris_record_without_an_end_ends_where_the_next_begins_and_not_with_the_file(read):
    unended = "TY  - JOUR\nTI  - {}\nAB  - Text.\n"
    titles, skipped = read(unended.format("A") + unended.format("B") + "ER  - \n" + unended.format("Cut"))
    assert titles == ["A", "B"]
    assert [(part.line, "ends inside" in part.reason) for part in skipped] == [(8, True)]


@pytest.mark.parametrize(
    "records",
    [
        [RIS.format(t, "Naïve.") for t in "ABC"],
        [f"@article{{{t},\n title = {{{t}}},\n abstract = {{Naïve.}}}}\n" for t in "ABC"],
        [f"PMID- {n}\nTI  - {t}\nAB  - Naïve.\n\n" for n, t in enumerate("ABC", 1)],
        [f"%0 Journal Article\n%T {t}\n%X Naïve.\n\n" for t in "ABC"],
        [f"PT J\nTI {t}\nAB Naïve.\nER\n\n" for t in "ABC"],
        ["title,abstract\nA,Naïve.\n", "B,Naïve.\n", "C,Naïve.\n"],
        [json.dumps({"title": t, "abstract": "Naïve."}, ensure_ascii=False) + "\n" for t in "ABC"],
    ],
)
def test_a_record_in_another_encoding_is_named_and_the_others_are_read(read, records):
    titles, skipped = read(
        b"".join(text.encode(code) for text, code in zip(records, ("utf8", "cp1252", "utf8"), strict=True))
    )
    assert titles == ["A", "C"]
    assert len(skipped) == 1
    assert "byte 0xEF" in skipped[0].reason and skipped[0].line > 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "record",
    [
        RIS,
        "@article{{a,\n title = {{{}}},\n abstract = {{{}}}}}\n",
        "PMID- 1\nTI  - {}\nAB  - {}\n\n",
        "%0 Journal Article\n%T {}\n%X {}\n\n",
        "PT J\nTI {}\nAB {}\nER\n\n",
        '{{"title": "{}", "abstract": "{}"}}\n',
        "Title: {}\nAbstract: {}\n\n",
    ],
)
def test_an_abstract_of_ten_megabytes_costs_its_record_alone(read, bounded, record):
    long_lines = "word " * 2_000_000
    many_lines = "We go on and on.\n      " * 300_000
    for abstract in (long_lines, many_lines if record[0] != "{" else long_lines):
        titles, skipped = read(record.format("A", "Fine.") + record.format("B", abstract) + record.format("C", "Fine."))
        assert [titles[0], titles[-1]] == ["A", "C"]
        assert any("characters" in part.reason or "broken" in part.reason for part in skipped)
        assert len(skipped) < 5


def test_xml_and_tables_skip_a_record_of_ten_megabytes(read, bounded):
    titles, skipped = read(feed(entry("A") + entry("B").replace(ABSTRACT, "word " * 2_000_000) + entry("C")))
    assert titles == ["A", "C"]
    assert "5,000,000 characters" in skipped[0].reason
    titles, skipped = read(f"title,abstract\nA,Fine.\nB,{'word ' * 2_000_000}\nC,Fine.\n")
    assert titles == ["A", "C"]
    assert [part.line for part in skipped] == [3]


def test_a_table_whose_header_lies_gives_no_misplaced_text(read):
    rows = "A,Text one.\nB,Text, two.\nC\nD,Text four.\n"
    titles, skipped = read("title,abstract\n" + rows)
    assert titles == ["A", "D"]
    assert [(part.line, part.reason[:7]) for part in skipped] == [(3, "3 cells"), (4, "1 cells")]
    titles, skipped = read(f"abstract,title\nShort,{'A long abstract in the wrong place. ' * 20}\nFine.,A\n")
    assert titles == ["A"]
    assert "wrongly" in skipped[0].reason


@pytest.mark.slow
def test_a_quotation_mark_that_is_never_closed_costs_its_row_alone(read, bounded):
    rows = "".join(f"T{i},Fine.\n" for i in range(10_000))
    for tail in ("", rows):
        titles, skipped = read(f'title,abstract\nA,"Open\nB,Fine.\nC,"Closed\nhere."\n{tail}')
        assert titles[:2] == ["B", "C"]
        assert skipped[0].line == 2


def test_json_lines_cut_in_the_middle_are_named(read):
    good = json.dumps({"title": "A", "abstract": "B."})
    titles, skipped = read(f"{good}\n{good[:15]}\n{good[15:]}\n{good}\n")
    assert titles == ["A", "A"]
    assert [part.line for part in skipped] == [2, 3]
    titles, skipped = read(json.dumps({"results": [{"id": "https://openalex.org/W1", "title": "A"}] * 3})[:-30])
    assert titles == ["A", "A"]
    assert len(skipped) == 1


@pytest.mark.parametrize("written", ["2305.1234", "2305.12340", "704.0001"])
def test_an_arxiv_id_that_a_spreadsheet_made_a_number_is_not_trusted(tmp_path, written):
    path = tmp_path / "table"
    path.write_text(f"title,abstract,arxiv_id\nA,Fine.,{written}\n")
    (paper,) = read_papers(path)
    assert (paper.arxiv_id is None) == (written != "2305.12340")


@pytest.mark.parametrize("positions", ["[1e400]", "[1.5]", '["1"]', "{}", "[true]", "5"])
def test_a_broken_inverted_index_is_named(read, positions):
    work = '{"id": "https://openalex.org/W1", "title": "A", "abstract_inverted_index": {"word": %s}}\n'
    titles, skipped = read(work % positions + work % "[1000000000000, 0]")
    assert titles == ["A"]
    assert "inverted index" in skipped[0].reason


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '[{"title": ' + "9" * 10_000 + "}]",
        '{"message-type": "work", "message": {"title": ' + "[" * 50_000 + '"A"' + "]" * 50_000 + "}}",
        '{"title": "A", "abstract": "B"' + ', "x": "y"' * 500_000,
        "TY  - " * 100_000,
        "TY  - JOUR\n" * 20_000,
        "@" * 1_000_000,
        "@a{" * 100_000,
        "@a{b,\n" * 20_000,
        "%0\n" * 20_000,
        "PMID- \n" * 20_000,
        "PT J\n" * 20_000,
        "# a\n" * 20_000,
        "Title: a\n" * 20_000,
        "title,abstract\n" + '"' * 500_000,
        "title,abstract\n" + '"\n' * 50_000,
        "title,abstract\n" + '"a"b\n' * 50_000,
        "title\tabstract\n" + "\t" * 1_000_000,
        "---\n" * 20_000,
        "<feed>http://www.w3.org/2005/Atom arxiv.org/" + "<" * 100_000,
    ],
    ids=lambda content: content[:12],
)
def test_patterns_without_end_neither_hang_nor_swell(read, bounded, content):
    try:
        titles, skipped = read(content)
    except ReadError:
        return
    assert titles or skipped


@pytest.mark.parametrize("control", ["\0", "\x07", "\x1b[2J", "\u202e", "\ufeff", "\x85", "\u2028", "\x0c"])
def test_control_characters_stay_in_the_abstract_or_cost_the_record(read, tmp_path, control):
    titles, skipped = (
        read(RIS.format("A", f"Fine.{control}Yes."))
        if control != "\0"
        else read(RIS.format("A", "Fine.") + RIS.format("B", f"Fine.{control}Yes."))
    )
    assert titles == ["A"]
    assert len(skipped) == (control == "\0")

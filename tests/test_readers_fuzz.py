"""Whatever a file holds, a reader gives papers and skipped parts, or refuses it with ReadError: nothing else."""

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.errors import ReadError
from rag.readable import readable
from rag.readers import FORMATS, _format_of, read_papers
from rag.readers.file import open_text
from rag.readers.records import MAX_ABSTRACT_CHARACTERS, MAX_TITLE_CHARACTERS
from rag.types import Paper, Skipped, Unread

pytestmark = pytest.mark.slow

SAMPLES = {path.name: path.read_bytes() for path in sorted((Path(__file__).parent / "data" / "importers").iterdir())}
TOKENS = [
    b"TY  - JOUR\n", b"ER  - \n", b"TI  - A\n", b"AB  - ", b"\n\n", b"\r", b"      ", b"PT J\n", b"ER\n", b"EF\n",
    b"PMID- 1\n", b"%0 Book\n", b"%T A\n", b"@article{a,", b"title = {A}", b"@string{a = ", b" # ", b"{", b"}", b'"',
    b"\\", b"$", b"<", b">", b"&amp;", b"</record>", b"<!DOCTYPE a [", b"<![CDATA[", b"<entry>", b"<PubmedArticle>",
    b"<record>", b'{"title": "A"', b'"abstract": null', b"[", b"]", b",", b":", b"null", b"1e999", b"-1", b"\\ud800",
    b"\xff", b"\xe9", b"\0", b"\xef\xbb\xbf", b"title,abstract\n", b"\t", b";", b"# A\n", b"## Abstract\n",
    b"Title: A\n", b"Abstract: B\n", b"---\n", b"<jats:p>", b"<sup>", b"10.1000/x", b"2101.00007",
]  # fmt: skip
CHECKED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sample with pieces of it, of others, tokens and noise put in, taken out or repeated; or tokens alone."""
    data = draw(st.sampled_from([*SAMPLES.values(), b""]))
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        piece = draw(
            st.one_of(
                st.lists(st.sampled_from(TOKENS), max_size=6).map(b"".join),
                st.binary(max_size=20),
                st.just(data[start:end] * draw(st.integers(0, 50))),
                st.sampled_from(list(SAMPLES.values())),
            )
        )
        data = data[:start] + piece + data[end:]
    return data


def check(parts) -> None:
    try:
        for part in parts:
            if isinstance(part, Unread):
                assert len(part.digest) == 16 and part.n_characters >= 0
                part = part.read()
            assert isinstance(part, Paper | Skipped)
            if isinstance(part, Paper):
                assert part.title.strip() and len(part.title) <= MAX_TITLE_CHARACTERS
                assert len(part.abstract) <= MAX_ABSTRACT_CHARACTERS
                assert "\0" not in part.title + part.abstract
                (part.title + part.abstract).encode("utf-8")
                assert part.url is None or part.url.startswith(("http://", "https://"))
                readable(part.abstract)
            else:
                assert part.reason and part.line >= 0 and len(part.excerpt) <= 80
    except ReadError as error:
        assert str(error) and "\n" not in str(error)


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
@CHECKED
@given(data=damaged())
def test_each_reader_takes_whatever_it_is_given(known, data):
    try:
        file = open_text("input", lambda: io.BytesIO(data))
    except ReadError:
        return
    known.recognise(file.head)
    check(known.read(file))


@CHECKED
@given(data=damaged())
def test_a_damaged_file_is_read_by_the_reader_that_its_content_asks_for(data):
    try:
        file = open_text("input", lambda: io.BytesIO(data))
        known = _format_of(file)
    except ReadError:
        return
    check(known.read(file))


@CHECKED
@given(data=st.data())
def test_a_damaged_archive_is_read_or_refused(tmp_path_factory, data):
    import bz2
    import gzip
    import zipfile

    import zstandard

    text = data.draw(damaged())
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", text)
        archive.writestr("b", gzip.compress(text))
    packed = data.draw(
        st.sampled_from(
            [held.getvalue(), gzip.compress(text), bz2.compress(text), zstandard.ZstdCompressor().compress(text)]
        )
    )
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(packed)))
        packed = packed[:place] + data.draw(st.binary(max_size=4)) + packed[place + data.draw(st.integers(0, 4)) :]
    path = tmp_path_factory.mktemp("fuzz") / "input"
    path.write_bytes(packed)
    try:
        parts = read_papers(path)
    except ReadError:
        return
    check(parts)


@CHECKED
@given(text=st.text(st.one_of(st.sampled_from('\\{}$^_~"`-c v'), st.characters())))
def test_any_text_can_be_made_readable(text):
    assert isinstance(readable(text), str)

"""The word index is given its terms ready made, and holds what it would make of the texts itself."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import tantivy
from hypothesis import given, settings
from hypothesis import strategies as st

from rag import read_papers
from rag.index import words
from rag.index.rows import as_utf8
from rag.readable import named_signs, readable
from rag.wording import GREEK_NAMES, looked_up

SHIPPED = Path(words.__file__).parents[1] / "data" / "daily_papers.txt"
HOSTILE = [
    "",
    " \n two  blanks\tand\u2028more ",
    "Tumours, (behaviours) of LLMs; TGF-β1... state-of-the-art_models",
    r"$\alpha$-stable $10^{-3}$ \times, R\"ossler's",
    "η βιολογία των β-φυκών, α",  # Greek, where letters keep no names
    "中" * 19 + "，" + "文" * 20 + " word " + "字" * 21,
    "a" * 59 + " then " + "b" * 60 + " and " + "c" * 61 + ". end",
    "ß" * 29 + " " + "ß" * 30 + " ⑽ ﬁne İstanbul ½ ²",
    " ".join("x" * n + " y" for n in (239, 240, 241, 1_000)),
    "half a pair \ud800 and β\udfff",
]


_SIGNS = list(" -_.,;)(aZs19αβµ\\${}~中é\ud800")


def _by_the_index(text: str) -> str:
    """What the index's own analysis is to be given, all of it at once."""
    names = (name for name in named_signs(text) if name not in GREEK_NAMES)
    return as_utf8(looked_up(" ".join((readable(text), *names))))


def _index_of(texts: list[str], analyser: tantivy.TextAnalyzer) -> dict[str, bytes]:
    """Terms, postings, positions and lengths, as they lie on the disk."""
    with tempfile.TemporaryDirectory() as folder:
        index = tantivy.Index(words._schema(), path=folder)
        index.register_tokenizer(words._ANALYSER, analyser)
        writer = index.writer(heap_size=64_000_000, num_threads=1)
        for place, text in enumerate(texts):
            writer.add_document(tantivy.Document(chunk_id=str(place), abstract=text))
        writer.commit()
        writer.wait_merging_threads()
        kinds = (".term", ".idx", ".pos", ".fieldnorm")
        return {file.suffix: file.read_bytes() for file in Path(folder).iterdir() if file.suffix in kinds}


def _assert_same(texts: list[str]) -> None:
    ready = _index_of([words._terms(text) for text in texts], words._splitter())
    assert ready == _index_of([_by_the_index(text) for text in texts], words._analyser())
    assert set(ready) == {".term", ".idx", ".pos", ".fieldnorm"}


def test_ready_made_terms_make_the_same_index_byte_for_byte() -> None:
    _assert_same([*(paper.abstract for paper in read_papers(SHIPPED) if hasattr(paper, "abstract")), *HOSTILE])


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.text(), st.text(st.sampled_from(_SIGNS), max_size=90)), min_size=1))
def test_ready_made_terms_make_the_same_index_of_any_text(texts: list[str]) -> None:
    _assert_same(texts)


def test_a_memory_that_overflows_begins_anew_and_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [words._terms(text) for text in HOSTILE]
    monkeypatch.setattr(words._Terms, "most", 3)
    words._known_terms.cache_clear()
    assert [words._terms(text) for text in HOSTILE] == before
    assert len(words._known_terms()) <= 3
    words._known_terms.cache_clear()

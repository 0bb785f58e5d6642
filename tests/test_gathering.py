"""Quotes over several papers, with a scripted reranker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from rag.answer import relevance
from rag.answer.aspects import sentences_by_aspect
from rag.answer.citations import Numbering
from rag.answer.drafts import Quoted
from rag.answer.gathering import quoted_comparison, quoted_list, quoted_summary
from rag.retrieval.evidence import Evidence, RankedSentence
from rag.retrieval.features import FloatArray
from rag.retrieval.reranker import Candidate, Text
from rag.sentences import split_sentences
from rag.types import Chunk, Hit, Paper, Span

KELP = "Kelp was scarce. We propose a kelp tank. It was tested on 14 sites. Kelp grew fast there."
MOSS = "Moss is wet. We describe peat moss. Fires dry it out."


def sentences(texts: Sequence[Text]) -> list[str]:
    """Of the candidates; fails where an abstract is among them, for what a table or a list quotes hangs on none."""
    assert all(isinstance(one, Candidate) for one in texts)
    return [one.sentence for one in texts if isinstance(one, Candidate)]


def hit(paper_id: str, abstract: str, vectors: Any = None) -> Hit:
    paper = Paper(paper_id, f"About {paper_id}", abstract)
    spans = tuple(split_sentences(abstract))
    chunk = Chunk(f"{paper_id}#0", paper_id, 0, Span(0, len(abstract)), spans, 20)
    return Hit(paper, chunk, 1.0, (), sentence_vectors=vectors)


def evidence(hits: Sequence[Hit], *read: tuple[int, int, float]) -> Evidence:
    ranked = (RankedSentence(h, hits[h].chunk.sentences[s], value, value) for h, s, value in read)
    return Evidence(tuple(sorted(ranked, key=lambda one: -one.score)), 1.0)


def texts(found: Quoted | None) -> list[str]:
    return [claim.text for claim in found.claims] if found else []


class Reads:
    """Gives each sentence the score that its words were given for a question with certain words."""

    def __init__(self, scores: Mapping[tuple[str, str], float]) -> None:
        self.known = scores

    def scores(self, question: str, texts: Sequence[Text]) -> FloatArray:
        return np.array([self.score(question, *sentences([text])) for text in texts], np.float32)

    def score(self, question: str, sentence: str) -> float:
        return next((s for (q, words), s in self.known.items() if q in question and words in sentence), -9.0)


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says of each hit in turn how well its paper fits."""

    def fitting(*log_odds: float) -> None:
        monkeypatch.setattr(relevance, "log_odds", lambda *_: np.array(log_odds))

    return fitting


def test_a_list_names_every_paper_that_fits_with_the_sentence_that_decides_best_first(
    fits: Callable[..., None],
) -> None:
    hits = [hit("kelp", KELP), hit("moss", MOSS), hit("crab", "Crabs walk.")]
    fits(1.0, 2.0, -0.1)
    read = evidence(hits, (0, 1, 1.0), (0, 0, 0.5), (1, 1, 0.7), (2, 0, 3.0))
    found = quoted_list("water plants", hits, read, None, Numbering())
    assert texts(found) == ["We describe peat moss.", "We propose a kelp tank."]
    assert found is not None and [c.citations[0].number for c in found.claims] == [1, 2]


def test_where_no_paper_fits_there_is_no_list_and_no_summary(fits: Callable[..., None]) -> None:
    hits = [hit("kelp", KELP), hit("moss", MOSS)]
    fits(-1.0, -0.2)
    read = evidence(hits, (0, 1, 8.0), (1, 1, 0.0))
    assert quoted_list("crabs", hits, read, None, Numbering()) is None
    assert quoted_summary("crabs", hits, read, Numbering()) is None
    assert quoted_list("crabs", [], Evidence((), 0.0), None, Numbering()) is None


def test_papers_chosen_by_hand_are_all_summarised(fits: Callable[..., None]) -> None:
    hits = [hit("kelp", KELP), hit("moss", MOSS)]
    fits(-1.0, -2.0)
    found = quoted_summary("kelp; moss", hits, Evidence((), 0.0), Numbering(), chosen_by_hand=True)
    assert {claim.citations[0].paper_id for claim in found.claims} == {"kelp", "moss"} if found else False


def test_a_summary_takes_what_each_paper_does_first_and_of_few_papers_more_in_reading_order(
    fits: Callable[..., None],
) -> None:
    hits = [hit("kelp", KELP), hit("moss", MOSS)]
    fits(1.0, 1.0)
    found = quoted_summary("water plants", hits, evidence(hits, (0, 3, 2.0), (1, 2, 1.0)), Numbering())
    assert texts(found) == [
        "Kelp was scarce.",
        "We propose a kelp tank.",
        "Kelp grew fast there.",
        "Moss is wet.",
        "We describe peat moss.",
        "Fires dry it out.",
    ]
    many = [hit(f"p{n}", KELP) for n in range(8)]
    fits(*[1.0] * 8)
    assert texts(quoted_summary("kelp", many, Evidence((), 0.0), Numbering())) == ["We propose a kelp tank."] * 8


def test_a_summary_does_not_say_the_same_twice(fits: Callable[..., None]) -> None:
    vectors = np.eye(4, dtype=np.float32)
    hits = [hit("one", KELP, vectors), hit("two", KELP, vectors)]
    fits(1.0, 1.0)
    found = quoted_summary("kelp", hits, Evidence((), 0.0), Numbering())
    assert len(texts(found)) == len(set(texts(found))) == 4


def test_an_aspect_is_told_by_the_sentence_that_is_read_as_its_answer_or_by_none() -> None:
    reads = Reads(
        {("problem", "scarce"): 2.0, ("method", "tank"): 3.0, ("data", "14 sites"): 1.0, ("method", "grew"): 2.5}
    )
    found = sentences_by_aspect(hit("kelp", KELP), reads)
    said = {name: span.of(KELP) for name, span in found.items()}
    assert said == {
        "question": "Kelp was scarce.",
        "method": "We propose a kelp tank.",
        "data": "It was tested on 14 sites.",
    }


def test_a_sentence_fills_one_cell_only() -> None:
    reads = Reads({("method", "tank"): 5.0, ("problem", "tank"): 4.0})
    found = sentences_by_aspect(hit("kelp", KELP), reads)
    assert {name: span.of(KELP) for name, span in found.items()} == {"method": "We propose a kelp tank."}


STUDY = (
    "However, it remains unclear how kelp spreads. We propose a model of drifting spores. "
    "Experiments on three datasets show that it predicts new beds better than earlier models. "
    "Further work is needed for warm seas. Code is available at https://kelp.example."
)


class ReadsNothing:
    """A reranker to which all sentences are alike."""

    def scores(self, question: str, texts: Sequence[Text]) -> FloatArray:
        return np.full(len(sentences(texts)), -3.0, np.float32)


def test_what_an_abstract_says_in_so_many_words_is_told_though_the_reranker_sees_no_difference() -> None:
    found = sentences_by_aspect(hit("kelp", STUDY), ReadsNothing())
    assert {name: span.of(STUDY)[:20] for name, span in found.items()} == {
        "question": "However, it remains ",
        "method": "We propose a model o",
        "data": "Experiments on three",
        "result": "Experiments on three",
        "limitation": "Further work is need",
    }


def test_what_others_lack_is_no_limitation_of_the_paper() -> None:
    text = (
        "A drawback of existing methods is their cost. We propose a cheap method. "
        "It sets a baseline for future work. Results show that it costs less."
    )
    assert "limitation" not in sentences_by_aspect(hit("p", text), ReadsNothing())


def test_a_sentence_in_two_rows_is_one_claim() -> None:
    found = quoted_comparison([hit("kelp", STUDY), hit("moss", MOSS)], ReadsNothing(), Numbering())
    assert found is not None and found.table is not None
    rows = dict(zip(found.table.aspects, found.table.cells, strict=True))
    assert rows["data"][0] == rows["result"][0]
    assert len({claim.text for claim in found.claims}) == len(found.claims)


def test_a_comparison_is_a_table_of_quotes_with_gaps() -> None:
    reads = Reads({("method", "tank"): 3.0, ("method", "describe"): 3.0, ("problem", "scarce"): 3.0})
    found = quoted_comparison([hit("kelp", KELP), hit("moss", MOSS)], reads, Numbering())
    assert found is not None and found.table is not None
    rows = dict(zip(found.table.aspects, found.table.cells, strict=True))
    assert [found.claims[place].text for place in rows["method"] if place is not None] == [
        "We propose a kelp tank.",
        "We describe peat moss.",
    ]
    assert rows["question"][1] is None and rows["data"] == (None, None)
    assert quoted_comparison([hit("kelp", KELP)], Reads({}), Numbering()) is None

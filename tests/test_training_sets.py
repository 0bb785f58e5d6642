"""The sets that the bundled models were trained on: who sees what, and that the parts hang together."""

from __future__ import annotations

import numpy as np
import pytest

from eval.training import claims
from eval.training.averaging import average
from eval.training.cross_encoders import pieces
from eval.training.examples import Asked, Examples, Judged, asked_lists
from eval.training.sets import (
    IN_PARTS,
    LISTED,
    NAMES,
    NEAR_MISSES,
    TEST_PARTS,
    is_fresh,
    is_marked,
    listings,
    piles,
    questions_of,
    sentences_of,
)
from rag.judge import pairing
from rag.models.session import load_tokenizer
from rag.retrieval import reranker

pytestmark = pytest.mark.slow


def test_a_set_in_parts_is_asked_pile_by_pile_each_with_its_own_papers() -> None:
    found = list(piles("arxiv-g"))
    assert [pile.name for pile in found] == [f"arxiv-g-G{n}" for n in range(12)]
    assert {len(pile.papers) for pile in found} == {150}
    for pile in found:
        held = {paper.paper_id for paper in pile.papers}
        assert all(one.paper_ids <= held for one in pile.wanted)
    (whole,) = piles("arxiv-a")
    assert len(whole.papers) == 220 and len(whole.wanted) == 583


def test_no_paper_is_in_two_sets() -> None:
    titles = [paper.title.casefold() for name in NAMES for pile in piles(name) for paper in pile.papers]
    assert len(titles) == len(set(titles))


def test_every_answerable_question_marks_sentences_of_its_paper() -> None:
    for pile in (pile for name in IN_PARTS for pile in piles(name)):
        sentences = {paper.paper_id: list(sentences_of(paper)) for paper in pile.papers}
        for one in pile.wanted:
            assert bool(one.evidence) == one.answerable
            for paper_id in one.paper_ids if one.answerable else ():
                assert any(is_marked(text, one.evidence) for text in sentences[paper_id])


def test_a_near_miss_names_the_sentence_that_it_misses() -> None:
    for pile in piles(NEAR_MISSES):
        sentences = {paper.paper_id: list(sentences_of(paper)) for paper in pile.papers}
        for one in pile.wanted:
            (paper_id,) = one.paper_ids
            assert one.answerable != bool(one.near)
            assert all(text in sentences[paper_id] for text in one.near)


def test_every_listed_paper_is_in_the_pile_with_the_sentences_that_show_it() -> None:
    for pile in (pile for name in LISTED for pile in listings(name)):
        sentences = {paper.paper_id: list(sentences_of(paper)) for paper in pile.papers}
        for one in pile.wanted:
            assert one.answerable == (one.kind != "none")
            assert one.paper_ids | one.borderline <= set(sentences) and not one.paper_ids & one.borderline
            for paper_id in one.paper_ids:
                assert any(is_marked(text, one.evidence) for text in sentences[paper_id])


def test_a_lie_has_a_true_twin_of_the_same_paper() -> None:
    written = claims.Written()
    twins = [row for row in written.rows if row["id"] in written.twins]
    for told, lie in zip(twins[::2], twins[1::2], strict=True):
        assert (told["label"], lie["label"]) == ("supported", "contradicted")
        assert told["paper_id"] == lie["paper_id"] and told["claim"] != lie["claim"]


def test_queries_that_decide_what_belongs_into_a_list_are_not_trained_on() -> None:
    kept, trained = set(), set()
    for pile in (pile for name in LISTED for pile in listings(name)):
        own = {one.question_id for one in pile.wanted}
        learnt = len(asked_lists(pile))
        assert learnt in (0, len(own))
        (trained if learnt else kept).update(own)
    assert {one.partition("-")[0] for one in kept} == {"E7", "F10", "F11", "F12", "F13", "G6", "G7", "H4", "H5"}
    assert len(trained) == 735


def test_what_is_fresh_is_never_trained_on() -> None:
    held_out = [one for name in NAMES for one in questions_of([name]) if is_fresh(name, one.question_id)]
    assert {one.question_id.partition("-")[0] for one in held_out} >= {"E7", "F14", "G6", "G7", "H4", "H5"}
    assert all(any(one.question_id.startswith(part) for one in held_out) for part in TEST_PARTS)
    written = claims.Written()
    trained = {row["paper_id"] for row in written.training}
    measured = {row["paper_id"] for row in written.rows if row["id"].startswith(claims.HELD_OUT)}
    assert trained and measured and not trained & measured


def test_the_models_are_trained_on_what_they_are_given_to_read() -> None:
    examples = Examples()
    question, title = examples.place("How fast does kelp grow?"), examples.place("Kelp forests of the north")
    sentences = examples.places(["It grows 61 cm a day.", *(f"Urchin {n} eats kelp: not much." for n in range(60))])
    texts = tuple(examples.texts[at] for at in sentences)
    tokenizer = load_tokenizer()
    own = pieces(examples, tokenizer, first="[CLS]", last="[SEP]", n_between=1, padding=0)
    asked, named = examples.texts[question], examples.texts[title]
    candidate = reranker.Candidate(named, texts[0])
    assert own.candidate(question, title, sentences[0]) == reranker.text_pieces(tokenizer, asked, candidate)
    abstract = reranker.Abstract(named, texts)
    read = own.asked(Asked(question, title, sentences, 1.0, "answered"))
    assert read == reranker.text_pieces(tokenizer, asked, abstract) and len(read[0]) == reranker.MAX_ABSTRACT_PIECES
    judged = own.judged(Judged(question, sentences[:5], claims.SUPPORTED, "main"))
    assert judged == pairing.pair_pieces(tokenizer, asked, texts[:5])


def test_the_mean_of_students_is_weighted_and_only_of_like_ones() -> None:
    first = {"head.bias": np.array([1.0, 2.0], np.float32)}
    second = {"head.bias": np.array([3.0, -2.0], np.float32)}
    assert average([first, second], [0.75, 0.25])["head.bias"].tolist() == [1.5, 1.0]
    with pytest.raises(ValueError, match=r"add up to 0\.9"):
        average([first, second], [0.5, 0.4])
    with pytest.raises(ValueError, match="different"):
        average([first, {"head.bias": np.zeros(3, np.float32)}], [0.5, 0.5])

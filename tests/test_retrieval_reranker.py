"""The bundled cross-encoder."""

from __future__ import annotations

import hashlib
import threading

import numpy as np
import pytest

from rag.errors import EmbeddingError
from rag.retrieval import reranker
from rag.retrieval.reranker import BUNDLED, Abstract, BundledReranker, Candidate

TITLE = "Kelp forests of the north"
GOOD = Candidate(TITLE, "Kelp grows up to 61 centimetres a day in cold water.")
OTHERS = [
    Candidate(TITLE, "The survey was funded by a fishery board."),
    Candidate(TITLE, "Divers counted sea urchins along the coast."),
    Candidate("Cheese making in the Alps", "Milk is warmed to 32 degrees before rennet is added."),
]
QUESTION = "How fast does kelp grow?"
WHOLE = Abstract(TITLE, (*(one.sentence for one in OTHERS[:2]), GOOD.sentence))


def test_the_answering_sentence_scores_above_the_others_and_above_even() -> None:
    scores = BUNDLED.scores(QUESTION, [*OTHERS, GOOD])
    assert scores.shape == (4,) and scores.dtype == np.float32
    assert scores[3] == scores.max() and scores[3] > 0
    assert (scores[:3] < 0).all()


def test_a_score_does_not_depend_on_what_stands_beside_it() -> None:
    together = BUNDLED.scores(QUESTION, [*OTHERS, GOOD])
    alone = BUNDLED.scores(QUESTION, [GOOD])
    assert alone[0] == together[3]


def test_an_abstract_that_says_what_is_asked_scores_above_even_and_others_below() -> None:
    without = Abstract(TITLE, WHOLE.sentences[:2])
    elsewhere = Abstract(OTHERS[2].title, (OTHERS[2].sentence,))
    scores = BUNDLED.scores(QUESTION, [WHOLE, without, elsewhere])
    assert scores.shape == (3,) and scores.dtype == np.float32
    assert scores[0] > 0 > max(scores[1:])
    unsaid = ["How many divers counted sea urchins?", "Why does kelp grow faster in warm water?", "Who won in 1998?"]
    assert all(BUNDLED.scores(question, [WHOLE])[0] < scores[0] for question in unsaid)


def test_sentences_and_abstracts_are_read_together_in_any_order() -> None:
    texts = [OTHERS[0], WHOLE, GOOD, Abstract(OTHERS[2].title, (OTHERS[2].sentence,)), *OTHERS]
    together = BUNDLED.scores(QUESTION, texts)
    assert together.tolist() == [BUNDLED.scores(QUESTION, [text])[0] for text in texts]
    assert together.tolist() == BUNDLED.scores(QUESTION, texts[::-1])[::-1].tolist()


def test_a_long_abstract_is_read_as_far_as_its_bound() -> None:
    long = Abstract(TITLE, tuple(f"Sentence {n} is about the sea and its creatures." for n in range(2_000)))
    assert np.isfinite(BUNDLED.scores(QUESTION, [long])).all()


def test_no_candidates_give_no_scores() -> None:
    assert BUNDLED.scores(QUESTION, []).shape == (0,)


@pytest.mark.parametrize("text", ["", "\x00", "\ud800", "a" * 1_000_000, "[" * 5_000, "ق" * 3_000])
def test_any_text_has_a_finite_score(text: str) -> None:
    scores = BUNDLED.scores(text, [Candidate(text, text)])
    assert np.isfinite(scores).all()


def test_threads_share_it() -> None:
    shared = BundledReranker(n_threads=2)
    results: list[float] = []
    threads = [
        threading.Thread(target=lambda: results.append(float(shared.scores(QUESTION, [GOOD])[0]))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6 and len(set(results)) == 1


def test_the_shipped_file_is_the_one_that_was_built() -> None:
    data = (reranker.MODEL_FOLDER / "model.onnx").read_bytes()
    assert len(data) == reranker.MODEL_BYTES
    assert hashlib.sha256(data).hexdigest() == reranker.MODEL_SHA256
    assert reranker.MODEL_SHA256 in (reranker.MODEL_FOLDER / "SOURCE.md").read_text("utf-8")


def test_a_missing_file_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(reranker, "MODEL_FOLDER", tmp_path)
    with pytest.raises(EmbeddingError, match="missing or incomplete: reinstall"):
        BundledReranker().scores(QUESTION, [GOOD])

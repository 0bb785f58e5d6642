"""What kind of work a question asks for."""

from __future__ import annotations

import pytest

from rag.answer.kinds import kind_of, topic_of
from rag.types import Kind


@pytest.mark.parametrize(
    ("question", "kind", "topic"),
    [
        ("How is driver attention predicted?", "answer", "How is driver attention predicted?"),
        ("What did the study of kelp find?", "answer", None),
        ("How does feedback alignment compare with other rules on accuracy?", "answer", None),
        ("infliximab vs etanercept serious infection risk", "answer", None),
        ("What is the difference between the power function and the Hill function?", "answer", None),
        ("What workload was deployed on the testbeds?", "answer", None),
        ("Which paper fine-tunes language models with LoRA?", "answer", None),
        ("Compare [1] and [2]", "comparison", "[1] and [2]"),
        ("Please compare the papers on recurrent networks.", "comparison", "recurrent networks"),
        ("What is the difference between [1] and [3]?", "comparison", None),
        ("How do [1] and [2] differ?", "comparison", None),
        ("Summarise the papers on hypernetworks", "summary", "hypernetworks"),
        ("summarize bandits", "summary", "bandits"),
        ("Give me an overview of feedback in recommender systems", "summary", None),
        ("What do the papers say about dopamine?", "summary", "dopamine"),
        ("What is known about sleep in infants?", "summary", "sleep in infants"),
        ("tl;dr: predictive coding", "summary", "predictive coding"),
        ("Which papers propose alternatives to backpropagation?", "list", None),
        ("List all papers about graph neural networks", "list", "graph neural networks"),
        ("papers on reward hacking", "list", "reward hacking"),
        ("papers that use event cameras", "list", "use event cameras"),
        ("Are there any studies with human participants?", "list", None),
        ("Is there any work on quantum error correction?", "list", "quantum error correction"),
        ("anything on kidney transplants?", "list", "kidney transplants"),
        ("What has been written about soil?", "list", "soil"),
        ("Who has looked at how bees find flowers?", "list", None),
        ("Which clinical studies compare two doses?", "list", "Which clinical studies compare two doses"),
        ("Which papers argue that tests can be dropped?", "list", None),
        ("Which paper argues against scaling?", "other_side", None),
        ("What speaks against the claim that backpropagation is biologically plausible?", "other_side", None),
        ("Who disagrees with scaling laws?", "other_side", "scaling laws"),
        ("Does anyone contradict that?", "other_side", None),
        ("", "answer", ""),
    ],
)
def test_the_words_tell_the_kind_and_what_it_is_about(question: str, kind: Kind, topic: str | None) -> None:
    assert kind_of(question) == kind
    if topic is not None:
        assert topic_of(question, kind) == topic


def test_the_claim_that_is_spoken_against_is_the_topic() -> None:
    question = "What speaks against the claim that backpropagation is biologically plausible?"
    assert topic_of(question, "other_side") == "backpropagation is biologically plausible"


def test_a_frame_without_a_topic_stays_whole() -> None:
    assert topic_of("Summarise the papers", "summary") == "Summarise the papers"


@pytest.mark.parametrize("kind", ["answer", "summary", "comparison", "list", "other_side"])
def test_long_rubbish_is_read_in_no_time(kind: Kind) -> None:
    rubbish = "compare the " * 5_000 + "\x00" * 1_000
    assert kind_of(rubbish) == "comparison"
    assert topic_of(rubbish, kind)

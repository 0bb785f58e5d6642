"""Sentences that pair things by 'respectively'."""

from __future__ import annotations

import pytest

from rag.judge.comparison import compare
from rag.judge.respective import pairings, taken_apart
from rag.judge.rules.respective import paired_otherwise

SCORES = "Our method reaches 92% and 87% accuracy on CIFAR-10 and ImageNet, respectively."
NETS = "Tanh and ReLU networks learn target-driven and input-driven features, respectively."
LOSSES = "The encoder, decoder, and critic use contrastive, generative and adversarial losses, respectively."
REGIMES = "Small (resp. large) variance may yield a rich (resp. lazy) regime."
TIMES = "Training and inference (on one card) took 30 ms and 12 ms respectively; both sets were small and clean."


def items(sentence: str) -> list[list[list[str]]]:
    return [[[item.of(sentence) for item in own] for own in pairing.items] for pairing in pairings(sentence)]


@pytest.mark.parametrize(
    ("sentence", "paired"),
    [
        (SCORES, [["92%", "87%"], ["CIFAR-10", "ImageNet"]]),
        (NETS, [["Tanh", "ReLU"], ["target-driven", "input-driven"]]),
        (LOSSES, [["encoder", "decoder", "critic"], ["contrastive", "generative", "adversarial"]]),
        (REGIMES, [["Small", "large"], ["rich", "lazy"]]),
        (TIMES, [["Training", "inference"], ["30", "12"]]),
    ],
)
def test_what_belongs_together_is_read_from_the_sentence(sentence: str, paired: list[list[str]]) -> None:
    assert items(sentence) == [paired]


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "respectively",
        "and, and respectively",
        "Kelp and moss grow.",
        "Kelp and moss grow, respectively.",
        "Kelp and kelp grow to 3 and 4 metres, respectively.",
        "There scores and states are combined, and associated with parameters respectively.",
        "The scores and associated states have parameters and priors, respectively.",
        "a, " * 400 + "and b, respectively",
        "-" * 1_000_000 + " and b, respectively",
        f"Kelp and moss grow to 3{' ' * 1_000_000}and 4 metres, respectively.",
    ],
)
def test_where_it_is_not_clear_nothing_is_paired(sentence: str) -> None:
    assert items(sentence) == []


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("The method reaches 87% accuracy on CIFAR-10.", SCORES),
        ("On ImageNet accuracy is 92%.", SCORES),
        ("It reaches 87% on CIFAR-10 and 92% on ImageNet.", SCORES),
        ("Tanh networks learn input-driven features.", NETS),
        ("The critic uses a contrastive loss.", LOSSES),
        ("Small variance may yield a lazy regime.", REGIMES),
        ("The encoder, decoder and critic use generative, contrastive and adversarial losses, respectively.", LOSSES),
    ],
)
def test_a_claim_that_pairs_them_otherwise_is_found(claim: str, sentence: str) -> None:
    (finding,) = paired_otherwise(compare(claim, ["A study of things.", sentence]))
    assert finding.contradicts and finding.sentence == 1 and "the source says" in finding.reason


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("The method reaches 92% accuracy on CIFAR-10.", SCORES),
        ("It reaches 87% on ImageNet and 92% on CIFAR-10.", SCORES),
        ("Accuracy is 92%.", SCORES),
        ("It was tried on CIFAR-10 and ImageNet.", SCORES),
        ("Accuracy on CIFAR-10 is not 87%.", SCORES),
        ("ReLU networks learn input-driven features.", NETS),
        ("The encoder, decoder and critic use contrastive, generative and adversarial losses.", LOSSES),
        ("Large variance may yield a lazy regime.", REGIMES),
        ("Kelp grows.", "Kelp grows in cold water."),
    ],
)
def test_a_claim_that_pairs_them_as_they_are_is_not(claim: str, sentence: str) -> None:
    assert paired_otherwise(compare(claim, [sentence])) == []


def test_a_sentence_is_read_as_what_it_says_of_the_one_that_the_claim_speaks_of() -> None:
    assert taken_apart("92% on CIFAR-10", SCORES) == "Our method reaches 92% accuracy on CIFAR-10."
    assert taken_apart("The decoder has a generative loss", LOSSES) == "The decoder use generative losses."
    assert taken_apart("large variance, lazy regime", REGIMES) == "large variance may yield a lazy regime."
    for claim in ("87% on CIFAR-10", "92% and 87%", "CIFAR-10", "Kelp grows."):
        assert taken_apart(claim, SCORES) == SCORES

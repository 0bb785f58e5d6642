"""Who does what: one thing's doing, said of another."""

from __future__ import annotations

import pytest

from rag.judge.comparison import compare
from rag.judge.rules.agents import said_of_another

SOLVER = "For each problem, a solver model attempts a solution, then a feedback generator writes targeted comments."
NETS = "The actor network updates the policy by gradients, while the critic network evaluates every action."
METHOD = "The proposed method is simple and fast to train, and the results on ImageNet improve by 3 points."
NAMED = "KelpNet learns from labelled tides, whereas MossNet filters noisy sensor readings."


def found(claim: str, sentence: str) -> bool:
    findings = said_of_another(compare(claim, ["A study of things.", sentence]))
    assert all(finding.contradicts and finding.sentence == 1 for finding in findings)
    return bool(findings)


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("The feedback generator attempts a solution.", SOLVER),
        ("A solver model writes targeted comments.", SOLVER),
        ("The feedback generator attempts a solution and the solver model writes targeted comments.", SOLVER),
        ("The critic network updates the policy by gradients.", NETS),
        ("MossNet learns from labelled tides.", NAMED),
    ],
)
def test_what_one_does_said_of_the_other_is_found(claim: str, sentence: str) -> None:
    assert found(claim, sentence)


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("A solver model attempts a solution.", SOLVER),
        ("The feedback generator writes comments.", SOLVER),
        ("The solver model attempts a solution and the feedback generator writes targeted comments.", SOLVER),
        ("The feedback generator writes targeted comments on what the solver model attempts.", SOLVER),
        ("The actor network updates the policy, and the critic network evaluates actions.", NETS),
        ("The proposed method improves by 3 points on ImageNet.", METHOD),
        ("Comments are targeted.", SOLVER),
        (
            "KelpNet learns from labelled tides.",
            "We propose KelpNet, and it learns from labelled tides with little noise.",
        ),
        ("", SOLVER),
    ],
)
def test_what_it_does_itself_is_not(claim: str, sentence: str) -> None:
    assert not found(claim, sentence)

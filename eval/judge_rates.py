"""How often a judge errs on the judged answers that ship: what a faithfulness by it is corrected with."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from eval.judge_data import read_claims
from eval.measures.correction import ErrorRates
from rag.judge.judgement import Judge


def judged_answers_path() -> Path:
    return Path(str(resources.files("eval").joinpath("data/judged_answers.jsonl")))


def error_rates(judge: Judge) -> ErrorRates:
    """The judge's error rates over ``judged_answers.jsonl``; claims that it cannot judge are left out."""
    claims = read_claims([judged_answers_path()])
    judged = [(claim.supported, judge.judge(claim.claim, claim.evidence)) for claim in claims]
    known = [
        (supported, one.verdict == "supported")
        for supported, one in judged
        if one.scorable and one.verdict != "unchecked"
    ]
    return ErrorRates(
        n_true=sum(supported for supported, _ in known),
        n_true_passed=sum(supported and passed for supported, passed in known),
        n_false=sum(not supported for supported, _ in known),
        n_false_flagged=sum(not supported and not passed for supported, passed in known),
    )

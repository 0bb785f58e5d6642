"""Is what the answer says in the abstracts that it cites? Shares of its claims, from a judge's verdicts.

An answer without claims is unscored, not perfect. So is one whose claims the judge could
not judge; an abstention claims nothing, and these measures are not about it.
"""

from __future__ import annotations

from collections.abc import Callable

from eval.measures.measure import UNSCORED, Measure, Value
from eval.questions import Question
from eval.runs.judged import JudgedClaim
from eval.runs.records import Record


def claims_of(record: Record) -> tuple[JudgedClaim, ...]:
    """The judged claims whose support the judge knows; () if there is none."""
    if record.judged is None or record.judged.error:
        return ()
    return tuple(claim for claim in record.judged.claims if claim.together.supports is not None)


def share_of(record: Record, holds: Callable[[JudgedClaim], bool]) -> Value:
    """The share of the record's judged claims for which it holds."""
    assert record.answer is not None
    if record.answer["outcome"] != "answered":
        return None
    claims = claims_of(record)
    return sum(map(holds, claims)) / len(claims) if claims else UNSCORED


def supported(record: Record) -> Value:
    """Claims that the cited abstracts bear out in full / claims that could be judged.

    The mean over answers is the faithfulness of Es et al. 2023 ('RAGAS', section 3), with
    two differences: a claim is a sentence and compared with what it cites, not with all
    that was retrieved; one without a citation is not supported.
    """
    return share_of(record, lambda claim: bool(claim.together.supports))


def contradicted(record: Record) -> Value:
    """Claims against which the cited abstracts speak / claims that could be judged."""
    return share_of(record, lambda claim: claim.together.verdict == "contradicted")


def unsupported(record: Record) -> Value:
    """Claims that are borne out in part or not at all, or cite nothing / claims that could be judged."""
    return share_of(record, lambda claim: claim.together.verdict in ("unsupported", "partial", "uncited"))


def noise_sensitivity(record: Record) -> Value:
    """Wrong claims that an irrelevant source vouches for / claims, of answerable questions.

    A claim is wrong here if the marked sentences and the reference answer do not bear it
    out; after Ru et al. 2024 ('RAGChecker', section 3.3). A quote of a relevant paper counts
    as right.
    """
    relevant = record.question.relevant

    def is_noise(claim: JudgedClaim) -> bool:
        if claim.reference is None or claim.reference.supports is not False:
            return False
        by_cited = [paper for paper, one in zip(claim.cited, claim.alone, strict=True) if one.supports]
        return any(paper not in relevant for paper in [*by_cited, *([claim.elsewhere] if claim.elsewhere else [])])

    return share_of(record, is_noise)


def _every(question: Question) -> bool:
    return True


def _has_reference(question: Question) -> bool:
    return question.answerable and bool(question.relevant) and bool(question.evidence or question.reference)


FAITHFULNESS = Measure("faithfulness", "claims supported", _every, supported)
CONTRADICTED = Measure("contradicted", "claims contradicted", _every, contradicted, is_good=False)
UNSUPPORTED = Measure("unsupported", "claims not supported", _every, unsupported, is_good=False)
NOISE = Measure("noise_sensitivity", "wrong claims from other papers", _has_reference, noise_sensitivity, is_good=False)

"""What a judge said of an answer, kept with the answer: enough for every measure, without asking the judge again.

claim -> against all it cites -> against each citation alone -> against all others -> elsewhere
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.questions import Question
from rag.judge.judgement import Judge, Judgement
from rag.sentences import split_sentences

VERDICTS = ("supported", "partial", "contradicted", "unsupported", "unchecked", "uncited")


@dataclass(frozen=True, slots=True)
class Opinion:
    """A judgement in short. ``uncited``: there was nothing to judge the claim by."""

    verdict: str
    score: float | None = None
    """The judge's probability that the evidence says all of the claim; None where it gives none."""
    is_scorable: bool = True
    reasons: tuple[str, ...] = ()

    @property
    def supports(self) -> bool | None:
        """Whether all of the claim is borne out; None where the judge cannot say."""
        if not self.is_scorable or self.verdict == "unchecked":
            return None
        return self.verdict == "supported"


@dataclass(frozen=True, slots=True)
class JudgedClaim:
    together: Opinion
    """Against everything that the claim cites, put together."""
    alone: tuple[Opinion, ...] = ()
    """Against each cited paper by itself, in the order of ``cited``."""
    without: tuple[Opinion, ...] = ()
    """Against all cited papers but that one."""
    cited: tuple[str | None, ...] = ()
    """The papers that it cites, each once; None for a marker without a source."""
    elsewhere: str | None = None
    """A source that supports the claim where what it cites does not; None if there is none."""
    reference: Opinion | None = None
    """Against the marked sentences and the reference answer; None where the question has neither."""


@dataclass(frozen=True, slots=True)
class Judged:
    judge: str
    claims: tuple[JudgedClaim, ...] = ()
    """One for each claim of the answer; () with ``error``."""
    is_correct: bool | None = None
    """What a grading model said of the whole answer; None if none was asked, or it did not say."""
    seconds: float = 0.0
    error: str | None = None
    """Why nothing could be judged."""


def judge_answer(judge: Judge, question: Question, answer: Mapping[str, Any]) -> Judged:
    """Everything the measures need to know of ``answer`` (JSON of ``ask``) from ``judge``.

    A claim with one citation costs one call. Only one with several costs two more for
    each, only an unsupported one is compared with the other sources, and only one that is
    not a quote of a relevant paper with the reference.
    """
    started = time.perf_counter()
    passages = passages_of(answer)
    wanted = _reference(question)
    claims = tuple(_judged(judge, claim, passages, question, wanted) for claim in answer["claims"])
    return Judged(judge.name, claims, seconds=time.perf_counter() - started)


def passages_of(answer: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Each source's title and sentences, by paper id: what was put before the answerer, in its order."""
    found: dict[str, list[str]] = {}
    for source in answer["sources"]:
        own = found.setdefault(source["paper_id"], [source["title"]] if source.get("title") else [])
        text = source.get("text") or ""
        own += [span.of(text) for span in split_sentences(text)]
    return {paper_id: tuple(sentences) for paper_id, sentences in found.items()}


def cited_by(claim: Mapping[str, Any]) -> tuple[str | None, ...]:
    """The papers that a claim cites, each once; markers without a source count one by one."""
    ids = [citation["paper_id"] for citation in claim["citations"]]
    known = dict.fromkeys(one for one in ids if one is not None)
    return (*known, *(None for one in ids if one is None))


def _judged(
    judge: Judge,
    claim: Mapping[str, Any],
    passages: Mapping[str, Sequence[str]],
    question: Question,
    wanted: Sequence[str],
) -> JudgedClaim:
    text = claim["text"]
    cited = cited_by(claim)
    evidence = [passages.get(one, ()) if one is not None else () for one in cited]
    together = _opinion(judge, text, evidence) if cited else Opinion("uncited", 0.0)
    alone: tuple[Opinion, ...] = (together,) if len(cited) == 1 else ()
    without: tuple[Opinion, ...] = (Opinion("uncited", 0.0),) if len(cited) == 1 else ()
    if len(cited) > 1:
        alone = tuple(_opinion(judge, text, [one]) for one in evidence)
        # Of two, each is all that is left without the other.
        without = (
            (alone[1], alone[0])
            if len(cited) == 2
            else tuple(_opinion(judge, text, [*evidence[:n], *evidence[n + 1 :]]) for n in range(len(evidence)))
        )
    elsewhere = None
    if together.supports is False:
        others = (paper_id for paper_id in passages if paper_id not in cited)
        elsewhere = next((one for one in others if _opinion(judge, text, [passages[one]]).supports), None)
    is_right_quote = bool(claim.get("is_quote")) and any(one in question.relevant for one in cited)
    reference = _opinion(judge, text, [wanted]) if wanted and not is_right_quote else None
    return JudgedClaim(together, alone, without, cited, elsewhere, reference)


def _reference(question: Question) -> tuple[str, ...]:
    sentences = [span.of(question.reference) for span in split_sentences(question.reference)]
    return (*question.evidence, *sentences) if question.answerable else ()


def _opinion(judge: Judge, claim: str, evidence: Sequence[Sequence[str]]) -> Opinion:
    sentences = [sentence for part in evidence for sentence in part]
    if not sentences:
        return Opinion("unsupported", 0.0, reasons=("it cites nothing that exists",))
    return opinion_of(judge.judge(claim, sentences))


def opinion_of(judgement: Judgement) -> Opinion:
    return Opinion(
        judgement.verdict,
        None if judgement.probability is None else round(judgement.probability, 6),
        judgement.scorable,
        tuple(judgement.reasons[:3]),
    )


def to_json(judged: Judged) -> dict[str, Any]:
    return {
        "judge": judged.judge,
        "claims": [
            {
                "together": _opinion_to_json(claim.together),
                "alone": [_opinion_to_json(one) for one in claim.alone] if len(claim.cited) > 1 else [],
                "without": [_opinion_to_json(one) for one in claim.without] if len(claim.cited) > 1 else [],
                "cited": list(claim.cited),
                "elsewhere": claim.elsewhere,
                "reference": _opinion_to_json(claim.reference) if claim.reference else None,
            }
            for claim in judged.claims
        ],
        "is_correct": judged.is_correct,
        "seconds": round(judged.seconds, 4),
        "error": judged.error,
    }


def from_json(item: Mapping[str, Any]) -> Judged:
    """Raises KeyError, TypeError or ValueError for anything that ``to_json`` did not make."""
    return Judged(
        judge=str(item["judge"]),
        claims=tuple(_claim_from_json(claim) for claim in item["claims"]),
        is_correct=item["is_correct"],
        seconds=float(item["seconds"]),
        error=item["error"],
    )


def _claim_from_json(item: Mapping[str, Any]) -> JudgedClaim:
    together, cited = _opinion_from_json(item["together"]), tuple(item["cited"])
    is_one = len(cited) == 1
    return JudgedClaim(
        together=together,
        alone=(together,) if is_one else tuple(_opinion_from_json(one) for one in item["alone"]),
        without=(Opinion("uncited", 0.0),) if is_one else tuple(_opinion_from_json(one) for one in item["without"]),
        cited=cited,
        elsewhere=item["elsewhere"],
        reference=_opinion_from_json(item["reference"]) if item["reference"] else None,
    )


def _opinion_to_json(one: Opinion) -> dict[str, Any]:
    return {
        "verdict": one.verdict,
        "score": one.score,
        "is_scorable": one.is_scorable,
        "reasons": list(one.reasons),
    }


def _opinion_from_json(item: Mapping[str, Any]) -> Opinion:
    if item["verdict"] not in VERDICTS:
        raise ValueError(f"'{item['verdict']}' is no verdict")
    score = item["score"]
    return Opinion(
        item["verdict"], None if score is None else float(score), bool(item["is_scorable"]), tuple(item["reasons"])
    )

"""What the judge is asked, and what the measures make of it, on answers worked by hand."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from eval import baselines
from eval.measures import FAITHFULNESS, JUDGED, UNSCORED, figure, score
from eval.measures.abstention import (
    ABSTENTION_PRECISION,
    RiskPoint,
    area_under_risk,
    confidence,
    is_right,
    risk_coverage,
)
from eval.measures.citing import CITATION_PRECISION, CITATION_RECALL, MISATTRIBUTION, QUOTES_EXACT, REDUNDANCY
from eval.measures.context import average_precision, ndcg, recall
from eval.measures.correctness import GRADED, REFERENCE_F1, rouge_l, token_f1
from eval.measures.effort import FIRST_TOKEN, LENGTH, SECONDS, cost, cost_at
from eval.measures.faithfulness import CONTRADICTED, NOISE, UNSUPPORTED
from eval.measures.numbers import NUMBERS_HELD, numbers_in
from eval.measures.written import RIGHT_OF_ONE, SUPPORTED, VALID, shown_verdicts
from eval.questions import Question
from eval.runs import judged as judging
from eval.runs.judged import Judged, JudgedClaim, Opinion, judge_answer
from eval.runs.records import Record
from eval.statistics import Interval
from rag.judge.judgement import Judgement

KELP = Question(
    "kelp",
    "How fast does kelp grow?",
    True,
    relevant=("p1",),
    evidence=("Kelp grows 60 cm a day.",),
    must=("60 cm",),
    reference="Kelp grows 60 cm a day.",
)
MOON = Question("moon", "How far is the moon?", False)

YES, NO, PART, AGAINST = (
    Opinion("supported", 0.9),
    Opinion("unsupported", 0.1),
    Opinion("partial", 0.4),
    Opinion("contradicted", 0.0),
)
NONE = Opinion("uncited", 0.0)
SHRUG = Opinion("unchecked", None)


def one(together: Opinion, paper: str | None = "p1", **more: Any) -> JudgedClaim:
    """A claim with one citation."""
    return JudgedClaim(together, (together,), (NONE,), (paper,), **more)


def answer(
    n_claims: int, outcome: str = "answered", text: str = "Kelp grows 60 cm a day.", **more: Any
) -> dict[str, Any]:
    citation = {"paper_id": "p1", "title": "Kelp", "quote": "", "number": 1, "start": None, "end": None}
    return {
        "outcome": outcome,
        "text": text,
        "claims": [{"text": text, "citations": [citation]} for _ in range(n_claims)],
        "sources": [
            {"paper_id": "p1", "title": "Kelp", "text": "Kelp grows 60 cm a day.", "start": 0, "end": 23, "score": 1.0},
            {"paper_id": "p2", "title": "Bees", "text": "Bees dance.", "start": 0, "end": 11, "score": 0.5},
        ],
        "error": None,
        "reason": None,
        **more,
    }


def record(*claims: JudgedClaim, question: Question = KELP, **more: Any) -> Record:
    return Record(question, answer(len(claims)), judged=Judged("by hand", claims), **more)


def test_shares_of_claims_add_up_and_leave_out_what_cannot_be_judged() -> None:
    mixed = record(one(YES), one(YES), one(PART), one(AGAINST), one(SHRUG), JudgedClaim(NONE))
    assert score(FAITHFULNESS, mixed) == pytest.approx(2 / 5)
    assert score(CONTRADICTED, mixed) == pytest.approx(1 / 5)
    assert score(UNSUPPORTED, mixed) == pytest.approx(2 / 5)


def test_no_claims_are_unscored_not_perfect() -> None:
    for empty in (
        Record(KELP, answer(0), judged=Judged("x")),
        Record(KELP, answer(1), judged=Judged("x", error="it timed out")),
        Record(KELP, answer(1)),
        record(one(SHRUG)),
    ):
        assert score(FAITHFULNESS, empty) == UNSCORED
        assert score(CITATION_RECALL, empty) == UNSCORED
    abstained = Record(KELP, answer(0, "abstained"))
    assert all(score(measure, abstained) is None for measure in JUDGED)
    found = figure(FAITHFULNESS, [record(one(YES)), Record(KELP, answer(0)), abstained])
    assert (found.mean, found.n_scored, found.n_unscored) == (1.0, 1, 1)
    assert found.bounds == Interval(0.5, 1.0)


def test_citation_recall_and_precision_are_those_of_alce() -> None:
    # Two citations: the first bears the claim out alone, the second neither does nor is needed.
    spare = JudgedClaim(YES, (YES, NO), (NO, YES), ("p1", "p2"))
    assert (score(CITATION_RECALL, record(spare)), score(CITATION_PRECISION, record(spare))) == (1.0, 0.5)
    # Neither bears it out alone, but both together do: both are needed, both are right.
    joint = JudgedClaim(YES, (NO, NO), (NO, NO), ("p1", "p2"))
    assert (score(CITATION_RECALL, record(joint)), score(CITATION_PRECISION, record(joint))) == (1.0, 1.0)
    # A claim without recall makes its citations wrong, and so does a marker that points nowhere.
    wrong = JudgedClaim(NO, (NO,), (NONE,), ("p1",))
    ghost = JudgedClaim(YES, (YES, NO), (NO, YES), ("p1", None))
    assert (score(CITATION_RECALL, record(joint, wrong)), score(CITATION_PRECISION, record(joint, wrong))) == (
        0.5,
        2 / 3,
    )
    assert score(CITATION_PRECISION, record(ghost)) == 0.5
    # No citation at all: recall says so, and precision has nothing to say.
    bare = record(JudgedClaim(NONE))
    assert (score(CITATION_RECALL, bare), score(CITATION_PRECISION, bare)) == (0.0, UNSCORED)


def test_redundancy_and_misattribution() -> None:
    twice = JudgedClaim(YES, (YES, YES), (YES, YES), ("p1", "p2"))
    assert score(REDUNDANCY, record(twice)) == 1.0
    assert score(REDUNDANCY, record(one(YES))) == 0.0
    assert score(REDUNDANCY, record(one(NO))) == UNSCORED
    strayed = record(one(NO, elsewhere="p2"), one(YES))
    assert score(MISATTRIBUTION, strayed) == 0.5


def test_noise_is_a_wrong_claim_that_an_irrelevant_source_vouches_for() -> None:
    assert score(NOISE, record(one(YES, "p2", reference=NO))) == 1.0
    assert score(NOISE, record(one(YES, "p1", reference=NO))) == 0.0
    assert score(NOISE, record(one(YES, "p2", reference=YES))) == 0.0
    assert score(NOISE, record(one(NO, "p1", reference=NO, elsewhere="p2"))) == 1.0
    assert score(NOISE, record(one(YES, "p2", reference=NO), question=MOON)) is None


def test_a_quote_is_exact_where_it_stands() -> None:
    def quoting(quote: str, start: int) -> Record:
        citation = {
            "paper_id": "p1",
            "title": "",
            "quote": quote,
            "number": 1,
            "start": start,
            "end": start + len(quote),
        }
        return Record(KELP, {**answer(0), "claims": [{"text": quote, "citations": [citation]}]})

    assert score(QUOTES_EXACT, quoting("grows 60", 5)) == 1.0
    assert score(QUOTES_EXACT, quoting("grows 60", 4)) == 0.0
    assert score(QUOTES_EXACT, quoting("grows 61", 5)) == 0.0
    assert score(QUOTES_EXACT, Record(KELP, answer(1))) is None


def test_numbers_are_held_against_what_is_cited() -> None:
    assert numbers_in("1,000 of 0.50, 28% and GPT-4 at 7B.") == {Decimal(1000), Decimal("0.5"), Decimal(28)}

    def saying(text: str, *papers: str) -> Record:
        said = {**answer(0), "claims": [claim(text, *papers)]}
        said["sources"] = [{**said["sources"][0], "text": "Kelp grows 60 cm a day, says a 7B model of 1,000 ponds."}]
        return Record(KELP, said)

    assert score(NUMBERS_HELD, saying("It grows 60.0 cm in 1000 ponds, said 7 of them.", "p1")) == 1.0
    assert score(NUMBERS_HELD, saying("It grows 61 cm.", "p1")) == 0.0
    assert score(NUMBERS_HELD, saying("It grows 60 cm.")) == 0.0
    assert score(NUMBERS_HELD, saying("It grows fast.", "p1")) is None


def test_overlap_with_the_reference() -> None:
    # 'the' is no word: {cat, sat} and {cat, sat, down}: 2 * 2 / (2 + 3).
    assert token_f1("The cat sat.", "a cat sat down") == pytest.approx(0.8)
    assert token_f1("", "") == 1.0
    assert token_f1("", "cat") == 0.0
    # a b c d against a c b d: the longest common run of words in order has 3.
    assert rouge_l("w x y z", "w y x z") == pytest.approx(0.75)
    assert token_f1("w x y z", "w y x z") == 1.0
    assert score(REFERENCE_F1, Record(KELP, answer(1))) == 1.0
    assert score(REFERENCE_F1, Record(KELP, answer(0, "abstained"))) == 0.0


def test_ranked_lists() -> None:
    # Relevant at ranks 1 and 3 of 4: (1/1 + 2/3) / 2.
    assert average_precision(["a", "x", "b", "y"], ["a", "b"]) == pytest.approx(5 / 6)
    assert average_precision(["x"], ["a"]) == 0.0
    assert recall(["a", "x"], ["a", "b"]) == 0.5
    # Gains 1/log2(2) and 1/log2(4), best 1/log2(2) + 1/log2(3).
    assert ndcg(["a", "x", "b"], ["a", "b"]) == pytest.approx((1 + 0.5) / (1 + 0.6309297535714575))
    assert ndcg(["a", "b"], ["a", "b"]) == 1.0
    assert ndcg([], []) == 0.0
    assert ndcg(["x"] * 3 + ["a"], ["a"], k=1) == 0.0
    with pytest.raises(ValueError, match="no paper"):
        recall(["a"], [])


def test_risk_and_coverage() -> None:
    # Surest first: right, wrong, right, wrong. Risks 0, 1/2, 1/3, 1/2.
    points = risk_coverage([0.9, 0.8, 0.7, 0.6], [True, False, True, False])
    assert points == (RiskPoint(0.25, 0.0), RiskPoint(0.5, 0.5), RiskPoint(0.75, 1 / 3), RiskPoint(1.0, 0.5))
    assert area_under_risk([0.9, 0.8, 0.7, 0.6], [True, False, True, False]) == pytest.approx(1 / 3)
    # Equally sure answers come together: the order of the input means nothing.
    assert area_under_risk([1.0, 1.0], [True, False]) == area_under_risk([1.0, 1.0], [False, True]) == 0.5
    assert area_under_risk([], []) is None


def test_the_weakest_claim_says_how_sure_an_answer_is() -> None:
    sure, unsure = record(one(YES), one(YES)), record(one(YES), one(NO))
    assert (confidence(sure) or 0) > (confidence(unsure) or 0)
    assert confidence(Record(KELP, answer(0, "abstained"))) is None
    assert is_right(sure) is True
    assert is_right(record(one(YES), question=MOON)) is False
    assert is_right(Record(KELP, answer(1, text="Kelp is brown."))) is False


def test_abstentions_have_a_precision() -> None:
    records = [Record(KELP, answer(0, "abstained")), Record(MOON, answer(0, "abstained")), Record(MOON, answer(1))]
    found = figure(ABSTENTION_PRECISION, records)
    assert (found.total, found.n_scored) == (1, 2)


def test_effort_leaves_out_what_came_from_the_cache() -> None:
    timed = answer(1, timings={"first_token_seconds": 0.5}, usage={"prompt_tokens": 1000, "completion_tokens": 10})
    fresh, cached = Record(KELP, timed, seconds=2.0), Record(KELP, timed, seconds=0.1, is_cached=True)
    assert (score(FIRST_TOKEN, fresh), score(SECONDS, fresh)) == (0.5, 2.0)
    assert (score(FIRST_TOKEN, cached), score(SECONDS, cached)) == (None, None)
    assert score(LENGTH, fresh) == 6.0
    assert cost({"prompt_tokens": 1_000_000, "completion_tokens": 500_000}, (2.0, 8.0)) == 6.0
    assert cost({"prompt_tokens": None, "completion_tokens": 5}, (2.0, 8.0)) is None
    assert score(cost_at((1.0, 100.0)), cached) == pytest.approx(0.002)


def test_a_grade_that_is_missing_is_unscored() -> None:
    assert score(GRADED, Record(KELP, answer(1), judged=Judged("x", (one(YES),), is_correct=True))) is True
    assert score(GRADED, record(one(YES))) == UNSCORED
    assert score(GRADED, Record(KELP, answer(0, "abstained"))) is False


# -- what the judge is asked


class Recorder:
    """Supports a claim whose every word stands in the evidence, and remembers what it was asked."""

    name = "words"

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
        self.asked.append((claim, tuple(evidence)))
        there = " ".join(evidence)
        return Judgement("supported" if all(word in there for word in claim.split()) else "unsupported", 0.5)


def claim(text: str, *papers: str | None) -> dict[str, Any]:
    return {"text": text, "citations": [{"paper_id": paper, "title": "", "quote": ""} for paper in papers]}


def test_a_claim_is_compared_with_what_it_cites_and_only_then_with_the_rest() -> None:
    said = {**answer(0), "claims": [claim("Bees dance.", "p1"), claim("Kelp grows", "p1", "p2"), claim("Kelp grows")]}
    judge = Recorder()
    found = judge_answer(judge, MOON, said)
    strayed, both, bare = found.claims
    assert (strayed.together.verdict, strayed.elsewhere) == ("unsupported", "p2")
    assert [opinion.verdict for opinion in both.alone] == ["supported", "unsupported"]
    assert [opinion.verdict for opinion in both.without] == ["unsupported", "supported"]
    assert (bare.together.verdict, bare.cited) == ("uncited", ())
    assert judge.asked[0] == ("Bees dance.", ("Kelp", "Kelp grows 60 cm a day."))
    # Two for the first, three for the second, one source to look at for the third.
    assert len(judge.asked) == 2 + 3 + 1


def test_a_marker_without_a_source_is_no_evidence() -> None:
    judge = Recorder()
    found = judge_answer(judge, KELP, {**answer(0), "claims": [claim("Kelp", None)]})
    assert found.claims[0].together.verdict == "unsupported"
    assert found.claims[0].cited == (None,)


def test_verdicts_read_back_as_they_were_written() -> None:
    said = {**answer(0), "claims": [claim("Kelp grows", "p1", "p2"), claim("Kelp", "p1"), claim("none")]}
    found = judge_answer(Recorder(), KELP, said)
    assert judging.from_json(judging.to_json(found)).claims == found.claims


def test_baselines_refuse_everything_or_quote_the_first_sentence() -> None:
    records = (record(one(NO)), Record(KELP, None, "it failed"))
    refused, failed = baselines.records_of(baselines.ALWAYS_REFUSES, records)
    assert refused.answer is not None and refused.answer["outcome"] == "abstained"
    assert failed.failure == "it failed"
    quoted, _ = baselines.records_of(baselines.FIRST_SENTENCE, records)
    assert score(FAITHFULNESS, quoted) == score(QUOTES_EXACT, quoted) == 1.0


def test_a_shown_citation_is_valid_if_its_source_is_there_and_its_quote_stands_in_it() -> None:
    given = answer(2)
    first, second = (claim["citations"] for claim in given["claims"])
    first[0] = {**first[0], "quote": "60 cm a day", "start": 11, "end": 22}
    assert score(VALID, Record(KELP, answer(0))) is None
    assert score(VALID, Record(KELP, given)) == 0.5
    second[0] = {"paper_id": None, "title": "", "quote": "", "number": 99, "start": None, "end": None}
    assert score(VALID, Record(KELP, given)) == 0.5
    second[0] = {**first[0], "start": 10, "end": 21}
    assert score(VALID, Record(KELP, given)) == 0.5
    second[0] = {**first[0], "paper_id": "p2"}
    assert score(VALID, Record(KELP, given)) == 0.5
    second[0] = first[0]
    assert score(VALID, Record(KELP, given)) == 1.0


def test_right_of_one_paper_asks_only_about_questions_that_one_paper_answers() -> None:
    assert score(RIGHT_OF_ONE, Record(KELP, answer(1))) is True
    assert score(RIGHT_OF_ONE, Record(KELP, answer(1, text="Kelp grows."))) is False
    assert score(RIGHT_OF_ONE, Record(KELP, answer(0, outcome="abstained"))) is False
    of_two = Question("two", "?", True, relevant=("p1", "p2"), must=("60 cm",))
    assert score(RIGHT_OF_ONE, Record(of_two, answer(1))) is None
    assert score(RIGHT_OF_ONE, Record(MOON, answer(1))) is None
    assert score(SUPPORTED, record(one(YES), one(NO))) == 0.5


def test_shown_verdicts_are_those_of_answers_that_were_given() -> None:
    given, refused = answer(2), answer(1, outcome="abstained")
    given["claims"][0]["verdict"], given["claims"][1]["verdict"] = "supported", "partial"
    refused["claims"][0]["verdict"] = "supported"
    assert shown_verdicts([Record(KELP, given), Record(KELP, refused), Record(KELP, None, "gone")]) == {
        "supported": 1,
        "partial": 1,
    }

"""All figures of a run, once: the tables, the report and ``scores.json`` only print them.

The same records and the same seed give the same scores to the last bit: nothing here looks
at the clock, and what differs from run to run by itself (seconds) is kept apart.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval import baselines
from eval.measures import (
    FAITHFULNESS,
    HEADLINE,
    TIMES,
    UNSCORED,
    Figure,
    Measure,
    cluster_of,
    fault,
    figure,
    measures_of,
    score,
)
from eval.measures.abstention import confidence, is_right
from eval.measures.correction import Corrected, ErrorRates, prediction_powered_mean, rogan_gladen
from eval.measures.faithfulness import claims_of
from eval.risk import Risk, risk_of
from eval.runs.records import Record, Run
from eval.statistics import Interval

N_TAG_RESAMPLES = 2_000
"""The ends of an interval then move by about a point, in rows of a few dozen questions."""


@dataclass(frozen=True, slots=True)
class Repeatability:
    measure: Measure
    flips: float
    """The chance that two repeats of a question, taken at random, differ; mean over questions."""
    n_flipped: int
    """Questions of which not all repeats agree."""
    n: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Claims by the judge's probability: how many there are, and what share of their answers is right."""

    low: float
    high: float
    n: int
    mean_probability: float
    share_right: float


@dataclass(frozen=True, slots=True)
class Scores:
    run: Run
    figures: tuple[Figure, ...]
    times: tuple[Figure, ...]
    by_tag: Mapping[str, tuple[Figure, ...]]
    """The headline and faithfulness for each tag, in the order in which the tags first come."""
    baselines: Mapping[str, tuple[Figure, ...]]
    """The headline and faithfulness of each."""
    risk: Risk | None
    calibration: tuple[Calibration, ...]
    repeatability: tuple[Repeatability, ...]
    """() if every question was asked once."""
    corrected: Corrected | None
    """The share supported of the claims in the answerer's own words, put right for the judge's errors."""
    rates: ErrorRates | None
    """Those errors."""
    by_people: Corrected | None
    """The same from people's labels of some of the claims."""

    def figure(self, name: str) -> Figure | None:
        return next((one for one in (*self.figures, *self.times) if one.measure.name == name), None)

    @property
    def n_unscored(self) -> int:
        return sum(not record.is_scorable for record in self.run.records)

    @property
    def n_unjudged(self) -> int:
        return sum(record.judged is not None and record.judged.error is not None for record in self.run.records)


Labels = Mapping[tuple[str, int, int], bool]
"""People's labels: (question id, repeat, claim from 0) to whether the claim is supported."""


def scores_of(run: Run, *, rates: ErrorRates | None = None, labels: Labels | None = None) -> Scores:
    """The scores of a run; ``rates`` are the judge's known errors, where they were measured."""
    records = run.records
    measures = measures_of(run.about)
    tags = dict.fromkeys(tag for record in records for tag in record.question.tags)
    in_tags = (*HEADLINE, *([FAITHFULNESS] if run.about["settings"].get("judge") else []))
    return Scores(
        run=run,
        figures=tuple(figure(measure, records) for measure in measures),
        times=tuple(figure(measure, records) for measure in TIMES),
        by_tag={
            tag: tuple(
                figure(measure, [one for one in records if tag in one.question.tags], n_resamples=N_TAG_RESAMPLES)
                for measure in in_tags
            )
            for tag in tags
        },
        baselines={
            name: tuple(figure(measure, baselines.records_of(name, records)) for measure in in_tags)
            for name in baselines.NAMES
        },
        risk=_risk(records),
        calibration=_calibration(records),
        repeatability=_repeatability(measures, records),
        corrected=_corrected(records, rates) if rates is not None else None,
        rates=rates,
        by_people=_by_people(records, labels) if labels else None,
    )


def scores_as_json(scores: Scores) -> dict[str, Any]:
    """What ``scores.json`` holds: no clock, no machine, no seconds."""
    about = scores.run.about
    return {
        "system": about["system"],
        "questions": {key: about["questions"][key] for key in ("count", "sha256")},
        "corpus": about["corpus"],
        "settings": about["settings"],
        "n_records": len(scores.run.records),
        "n_unscored": scores.n_unscored,
        "n_unjudged": scores.n_unjudged,
        "figures": figures_as_json(scores.figures),
        "by_tag": {tag: figures_as_json(own) for tag, own in scores.by_tag.items()},
        "baselines": {name: figures_as_json(own) for name, own in scores.baselines.items()},
        "risk_coverage": {
            "area": rounded(scores.risk.area),
            "interval": pair(scores.risk.interval),
            "share_wrong": rounded(scores.risk.share_wrong),
            "n": scores.risk.n,
        }
        if scores.risk
        else None,
        "repeatability": {
            one.measure.name: {"flips": rounded(one.flips), "n_flipped": one.n_flipped, "n": one.n}
            for one in scores.repeatability
        },
        "corrected_faithfulness": _corrected_as_json(scores.corrected),
        "judge": {"sensitivity": rounded(scores.rates.sensitivity), "specificity": rounded(scores.rates.specificity)}
        if scores.rates
        else None,
        "faithfulness_by_people": _corrected_as_json(scores.by_people),
        "failures": [
            {
                "id": record.question.question_id,
                "repeat": record.repeat,
                "question": record.question.question,
                "fault": kind,
                "missed": missed(record),
                "outcome": record.answer["outcome"] if record.answer is not None else None,
                "error": record.failure,
            }
            for record in scores.run.records
            if (kind := fault(record)) is not None
        ],
    }


def missed(record: Record) -> list[str]:
    """The names of the headline measures that the record misses."""
    return [measure.name for measure in HEADLINE if score(measure, record) not in (None, UNSCORED, measure.is_good)]


def figures_as_json(figures: Sequence[Figure]) -> dict[str, Any]:
    return {
        one.measure.name: {
            "words": one.measure.words,
            "unit": one.measure.unit,
            "mean": rounded(one.mean),
            "interval": pair(one.interval),
            "n_scored": one.n_scored,
            "n_unscored": one.n_unscored,
            "n_clusters": one.n_clusters,
            "bounds": pair(one.bounds),
            "target": one.measure.target,
            "higher_is_better": one.measure.is_good,
            "meets_target": one.meets_target,
        }
        for one in figures
    }


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def pair(interval: Interval | None) -> list[float] | None:
    return [round(interval.low, 6), round(interval.high, 6)] if interval is not None else None


def _corrected_as_json(one: Corrected | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {"share": rounded(one.share), "interval": pair(one.interval), "observed": rounded(one.observed)}


def _risk(records: Sequence[Record]) -> Risk | None:
    rows = [
        (sure, right, cluster_of(record.question))
        for record in records
        if (sure := confidence(record)) is not None and (right := is_right(record)) is not None
    ]
    return risk_of([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])


def _calibration(records: Sequence[Record], n_bins: int = 10) -> tuple[Calibration, ...]:
    """Of the claims to which the judge gives a probability."""
    rows = [
        (claim.together.score, right)
        for record in records
        if (right := is_right(record)) is not None
        for claim in claims_of(record)
        if claim.together.score is not None
    ]
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for probability, right in rows:
        bins[min(int(probability * n_bins), n_bins - 1)].append((probability, right))
    return tuple(
        Calibration(
            place / n_bins,
            (place + 1) / n_bins,
            len(own),
            sum(probability for probability, _ in own) / len(own),
            sum(right for _, right in own) / len(own),
        )
        for place, own in sorted(bins.items())
    )


def _repeatability(measures: Sequence[Measure], records: Sequence[Record]) -> tuple[Repeatability, ...]:
    by_question: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_question[record.question.question_id].append(record)
    if not any(len(own) > 1 for own in by_question.values()):
        return ()
    found = []
    for measure in measures:
        flips = []
        for own in by_question.values():
            values = [value for record in own if (value := score(measure, record)) not in (None, UNSCORED)]
            if len(values) > 1:
                flips.append(_share([one != other for one, other in itertools.combinations(values, 2)]))
        if flips:
            n_flipped = sum(flip > 0 for flip in flips)
            found.append(Repeatability(measure, sum(flips) / len(flips), n_flipped, len(flips)))
    return tuple(found)


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values)


def _by_cluster(records: Sequence[Record], count: Callable[[Record], int]) -> list[int]:
    counts: dict[str, int] = defaultdict(int)
    for record in records:
        counts[cluster_of(record.question)] += count(record)
    return list(counts.values())


def _corrected(records: Sequence[Record], rates: ErrorRates) -> Corrected | None:
    """Of the claims in the answerer's own words: a quote is supported by what it was cut from, whoever judges."""
    judged = [record for record in records if _own_words(record)]
    if not judged:
        return None
    passed = _by_cluster(judged, lambda one: sum(_own_words(one)))
    return rogan_gladen(passed, _by_cluster(judged, lambda one: len(_own_words(one))), rates)


def _own_words(record: Record) -> list[bool]:
    """For each judged claim that is no quote, whether it is supported."""
    if record.answer is None or not claims_of(record) or record.judged is None:
        return []
    return [
        bool(one.together.supports)
        for claim, one in zip(record.answer["claims"], record.judged.claims, strict=True)
        if one.together.supports is not None and not claim.get("is_quote")
    ]


def _by_people(records: Sequence[Record], labels: Labels) -> Corrected | None:
    every: list[float] = []
    some: list[float] = []
    said: list[float] = []
    for record in records:
        for place, claim in enumerate(record.judged.claims if record.judged is not None else ()):
            supports = claim.together.supports
            if supports is None:
                continue
            every.append(float(supports))
            label = labels.get((record.question.question_id, record.repeat, place))
            if label is not None:
                some.append(float(supports))
                said.append(float(label))
    return prediction_powered_mean(every, some, said)

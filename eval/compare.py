"""Two runs over the same questions, paired: what got better, what got worse, and by how much at least."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.errors import OtherRun
from eval.measures import FAITHFULNESS, HEADLINE, TIMES, UNSCORED, Measure, cluster_of, measures_of, score
from eval.questions import Question
from eval.runs.records import Record, Run, difference_in_words, differences
from eval.statistics import Difference, paired_difference

MIN_CHANGE = 1e-9


@dataclass(frozen=True, slots=True)
class Paired:
    """One measure on both runs, over the questions that have a value in both."""

    measure: Measure
    before: float | None
    """Mean over the pairs; None without any."""
    after: float | None
    difference: Difference | None
    n_before: int
    """Questions with a value before."""
    n_pairs: int
    n_lost: int
    """Questions with a value before, and unscored after: they failed, or could not be judged."""
    n_gained: int
    at_worst: Difference | None
    """The same with everything lost counted as the worst there is; for shares only."""

    @property
    def n_wins(self) -> int:
        """Questions on which the second run is better."""
        if self.difference is None:
            return 0
        return self.difference.n_better if self.measure.is_good else self.difference.n_worse

    @property
    def n_losses(self) -> int:
        if self.difference is None:
            return 0
        return self.difference.n_worse if self.measure.is_good else self.difference.n_better

    @property
    def direction(self) -> str:
        """'better' or 'worse' where the interval leaves no doubt, 'same' where nothing differs, else 'unclear'."""
        if self.difference is None:
            return "unclear"
        low, high = self.difference.interval.low, self.difference.interval.high
        if low == high == 0:
            return "same"
        if low > 0 or high < 0:
            return "better" if (low > 0) == self.measure.is_good else "worse"
        return "unclear"


@dataclass(frozen=True, slots=True)
class Changed:
    """A question that the two runs answer differently in a way that some headline measure sees."""

    question: Question
    before: Record
    after: Record
    gained: tuple[str, ...]
    """Names of the measures that it got better by."""
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    before: Run
    after: Run
    measures: tuple[Paired, ...]
    changed: tuple[Changed, ...]
    n_other_words: int
    """Further questions whose answers differ in words, and not by any headline measure."""
    settings: tuple[str, ...]
    """What differs in how the two were made, in words."""


def compare(before: Run, after: Run) -> Comparison:
    """Pairs the runs by question; repeats are averaged first.

    The expressions and papers to judge by are those of ``after``, for both. Raises OtherRun
    with the differences if the runs are about other papers or other questions.
    """
    refuse_other(before, after)
    kept = {record.question.question_id: record.question for record in after.records}
    old = [_with(record, kept[record.question.question_id]) for record in before.records]
    new = list(after.records)
    has_judge = bool(before.about["settings"].get("judge") and after.about["settings"].get("judge"))
    measures = [*measures_of(after.about), *TIMES]
    known = {one.name for one in measures_of(before.about)} | {one.name for one in TIMES}
    found = tuple(paired(measure, old, new) for measure in measures if measure.name in known)
    changed, n_other = _changed(old, new, has_judge)
    ignored = ("started", "machine", "prices", "versions.footnoted")
    settings = tuple(
        difference_in_words(name, before.about, after.about, "before after")
        for name in differences(before.about, after.about)
        if name not in ignored and name.split(".")[0] not in ("questions", *ignored)
    )
    return Comparison(before, after, found, changed, n_other, settings)


def refuse_other(before: Run, after: Run) -> None:
    """Raises OtherRun, with every difference, if the two cannot be paired."""
    problems = []
    if before.about["corpus"] != after.about["corpus"]:
        n_before, n_after = before.about["corpus"]["papers"], after.about["corpus"]["papers"]
        problems.append(
            f"they asked other papers ({n_before} before, {n_after} after)"
            if n_before != n_after
            else f"they asked other papers ({n_before} each, with other titles or abstracts)"
        )
    if before.about["questions"]["sha256"] != after.about["questions"]["sha256"]:
        problems += _question_differences(before, after)
    if problems:
        raise OtherRun("the two runs cannot be compared: " + "; ".join(problems) + ": run one of them again")


def _question_differences(before: Run, after: Run) -> list[str]:
    old, new = (_asked(run) for run in (before, after))
    problems = []
    for words, names in (
        ("only before", [name for name in old if name not in new]),
        ("only after", [name for name in new if name not in old]),
        ("asked in other words", [name for name in old if name in new and _differ(old[name], new[name])]),
    ):
        if names:
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            problems.append(f"{len(names)} questions {words} ({', '.join(names[:5])}{more})")
    return problems or ["they asked the same questions in another order, or in other words"]


def _differ(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other


def _asked(run: Run) -> dict[str, object]:
    asked: dict[str, object] = dict.fromkeys(run.about["questions"]["ids"])
    for record in run.records:
        asked[record.question.question_id] = (record.question.question, record.question.history)
    return asked


def paired(measure: Measure, before: Sequence[Record], after: Sequence[Record]) -> Paired:
    """``measure`` of both, question by question."""
    old, new = _values(measure, before), _values(measure, after)
    questions = {record.question.question_id: record.question for record in after}
    both = [name for name in old if old[name] is not None and new.get(name) is not None]
    lost = [name for name in old if old[name] is not None and name in new and new[name] is None]
    gained = [name for name in new if new[name] is not None and name in old and old[name] is None]
    clusters = [cluster_of(questions[name]) for name in both]
    one, other = [old[name] or 0.0 for name in both], [new[name] or 0.0 for name in both]
    difference = paired_difference(one, other, clusters)
    at_worst = difference
    if lost and measure.unit == "share":
        worst = 0.0 if measure.is_good else 1.0
        at_worst = paired_difference(
            [*one, *(old[name] or 0.0 for name in lost)],
            [*other, *([worst] * len(lost))],
            [*clusters, *(cluster_of(questions[name]) for name in lost)],
        )
    return Paired(
        measure,
        sum(one) / len(one) if one else None,
        sum(other) / len(other) if other else None,
        difference,
        sum(value is not None for value in old.values()),
        len(both),
        len(lost),
        len(gained),
        at_worst,
    )


def _values(measure: Measure, records: Sequence[Record]) -> dict[str, float | None]:
    """The mean over a question's scored repeats; None where none was; without those that it is not about."""
    scored: dict[str, list[float]] = defaultdict(list)
    unscored: set[str] = set()
    for record in records:
        value = score(measure, record)
        if value == UNSCORED:
            unscored.add(record.question.question_id)
        elif value is not None:
            scored[record.question.question_id].append(float(value))
    values: dict[str, float | None] = {name: sum(own) / len(own) for name, own in scored.items()}
    return values | {name: None for name in unscored if name not in values}


def _with(record: Record, question: Question) -> Record:
    return dataclasses.replace(record, question=question)


def _changed(before: Sequence[Record], after: Sequence[Record], has_judge: bool) -> tuple[tuple[Changed, ...], int]:
    measures = (*HEADLINE, *([FAITHFULNESS] if has_judge else []))
    old: Mapping[tuple[str, int], Record] = {record.key: record for record in before}
    found: list[Changed] = []
    n_other = 0
    for record in after:
        mate = old.get(record.key)
        if mate is None:
            continue
        gained: list[str] = []
        lost: list[str] = []
        for measure in measures:
            one, other = score(measure, mate), score(measure, record)
            if one == UNSCORED or other == UNSCORED:
                if one != other:
                    (lost if other == UNSCORED else gained).append(measure.name)
            elif one is not None and other is not None and abs(float(one) - float(other)) > MIN_CHANGE:
                (gained if (float(other) > float(one)) == measure.is_good else lost).append(measure.name)
        if gained or lost:
            found.append(Changed(record.question, mate, record, tuple(gained), tuple(lost)))
        elif _words(mate) != _words(record):
            n_other += 1
    return tuple(found), n_other


def _words(record: Record) -> Any:
    return None if record.answer is None else record.answer["text"]

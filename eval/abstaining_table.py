"""Abstention as text for a terminal and as JSON for machines."""

from __future__ import annotations

import math
from typing import Any

from eval.abstaining import Abstaining, Line
from eval.risk import Risk
from eval.scores import pair, rounded
from eval.statistics import Share
from eval.table import cut, in_unit, interval_in_unit, share_columns


def abstaining_as_text(found: Abstaining, *, failures: bool = False) -> str:
    lines = [heading(found), "", f"{'':34} {'share':>7}   {'95 % interval':<16} {'count':>9}"]
    lines += [f"{one.words:34} {share_columns(one)}" for one in shares(found.shipped)]
    for words, risk in risks(found):
        ends = interval_in_unit(risk.interval, "share")
        note = f"an order that means nothing: {in_unit(risk.share_wrong, 'share')}"
        lines.append(f"{words + ': area':34} {in_unit(risk.area, 'share'):>7}   {ends:<16} {risk.n:>9}   {note}")
    lines += [
        "",
        *notes(found),
        "",
        f"{'threshold':>9}   {'refused of unanswerable':>23}   {'of answerable':>15}   right paper",
    ]
    lines += [
        f"{threshold_in_words(one.threshold):>9}   {_counted(one.refused_rightly):>23}   "
        f"{_counted(one.refused_wrongly):>15}   {_counted(one.right_paper)}"
        + ("   as it is" if one.threshold == found.shipped.threshold else "")
        for one in found.lines
    ]
    lines += ["", f"{'by kind, as it is':20}   {'refused of unanswerable':>23}   {'of answerable':>15}   right paper"]
    lines += [
        f"{cut(tag, 20):20}   {_counted(one.refused_rightly):>23}   {_counted(one.refused_wrongly):>15}   "
        f"{_counted(one.right_paper)}"
        for tag, one in found.by_tag.items()
    ]
    if failures:
        lines += ["", *(cut(words) for words in failures_in_words(found))]
    return "\n".join(lines)


def heading(found: Abstaining) -> str:
    n_none = sum(not one.question.answerable for one in found.asked)
    what = "answers of a run" if found.is_run else "questions"
    at = "" if found.is_run else f", quoted from log-odds of {found.shipped.threshold:g} on"
    return f"{len(found.asked)} {what}, {n_none} of them unanswerable{at}"


def shares(one: Line) -> tuple[Share, ...]:
    return one.refused_rightly, one.refused_wrongly, one.right_paper


def risks(found: Abstaining) -> list[tuple[str, Risk]]:
    named = (("risk and coverage, by log-odds", found.risk), ("risk and coverage, by the check", found.checked))
    return [(words, one) for words, one in named if one is not None]


def notes(found: Abstaining) -> list[str]:
    """What has to be known beside the figures, each a line."""
    lines = [choice_in_words(found)]
    if found.n_otherwise:
        lines.append(f"{found.n_otherwise} questions stay as they are at any threshold: {_otherwise(found)}.")
    if found.is_run:
        lines.append("What the run refused stays refused in the table: what it would have said is not known.")
    if found.n_unscored:
        lines.append(f"{found.n_unscored} records failed and are in no figure.")
    return lines


def choice_in_words(found: Abstaining) -> str:
    wish = f"At most {in_unit(found.at_most, 'share')} of the answerable refused"
    if found.chosen is None:
        return f"{wish}: no threshold does that."
    kept = found.chosen
    if math.isinf(kept.threshold):
        return f"{wish}: without any threshold."
    return (
        f"{wish}: the threshold {kept.threshold:g} refuses {_in_words(kept.refused_wrongly)} of them and "
        f"{_in_words(kept.refused_rightly)} of the unanswerable; chosen on these questions, so others will fare worse."
    )


def failures_in_words(found: Abstaining) -> list[str]:
    """One line for each question that is answered or refused wrongly as it is."""
    return [
        f"{one.question.question_id} ({'refused' if one.question.answerable else 'answered'}"
        + (f", log-odds {one.log_odds:.2f}" if one.log_odds is not None else "")
        + f"): {one.question.question}"
        for one in found.asked
        if one.question.answerable != one.answers(found.shipped.threshold)
    ]


def threshold_in_words(threshold: float) -> str:
    return "none" if math.isinf(threshold) else f"{threshold:g}"


def abstaining_as_json(found: Abstaining) -> dict[str, Any]:
    return {
        "n": len(found.asked),
        "n_unscored": found.n_unscored,
        "n_decided_otherwise": found.n_otherwise,
        "shipped": _line_as_json(found.shipped),
        "at_most": found.at_most,
        "chosen": None if found.chosen is None else _line_as_json(found.chosen),
        "lines": [_line_as_json(one) for one in found.lines],
        "by_tag": {tag: _line_as_json(one) for tag, one in found.by_tag.items()},
        "risk": _risk_as_json(found.risk),
        "risk_by_check": _risk_as_json(found.checked),
        "refused_at_any_threshold": {
            name: {"unanswerable": none, "answerable": some} for name, (none, some) in found.reasons.items()
        },
        "questions": [
            {
                "id": one.question.question_id,
                "answerable": one.question.answerable,
                "log_odds": one.log_odds,
                "answered": one.answers(found.shipped.threshold),
                "right": one.is_right,
                "reason": one.reason,
            }
            for one in found.asked
        ],
    }


def _otherwise(found: Abstaining) -> str:
    parts = [f"{sum(both)} refused ({name})" for name, both in found.reasons.items()]
    n_given = sum(one.is_answered and one.log_odds is None for one in found.asked)
    return ", ".join([*parts, *([f"{n_given} answered"] if n_given else [])])


def _counted(one: Share) -> str:
    return "–" if one.share is None else f"{in_unit(one.share, 'share')} {f'{one.n_true}/{one.n}':>7}"


def _in_words(one: Share) -> str:
    return "none" if one.share is None else f"{in_unit(one.share, 'share')} ({one.n_true}/{one.n})"


def _line_as_json(one: Line) -> dict[str, Any]:
    return {
        "threshold": None if math.isinf(one.threshold) else one.threshold,
        "refused_unanswerable": _share_as_json(one.refused_rightly),
        "refused_answerable": _share_as_json(one.refused_wrongly),
        "right_paper": _share_as_json(one.right_paper),
    }


def _share_as_json(one: Share) -> dict[str, Any]:
    return {"share": rounded(one.share), "n_true": one.n_true, "n": one.n, "interval": pair(one.interval)}


def _risk_as_json(one: Risk | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "area": rounded(one.area),
        "interval": pair(one.interval),
        "share_wrong": rounded(one.share_wrong),
        "n": one.n,
        "points": [[rounded(point.coverage), rounded(point.risk)] for point in one.points],
    }

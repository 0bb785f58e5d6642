"""Plots as SVG inside the page; beside each the same numbers as a table, for those who cannot see it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from eval.measures import Figure
from eval.report.markup import esc, table
from eval.risk import Risk
from eval.scores import Calibration
from eval.statistics import Interval
from eval.table import in_unit, interval_in_unit

_W, _H = 520, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 12, 40


def figure_of(title: str, svg: str, numbers: str, note: str = "") -> str:
    said = f'<p class="dim">{note}</p>' if note else ""
    return (
        f"<figure><figcaption>{esc(title)}</figcaption>{svg}{said}"
        f"<details><summary>The numbers</summary>{numbers}</details></figure>"
    )


def by_kind(rows: Sequence[tuple[str, Figure]], title: str) -> str:
    """One row a tag: the mean as a dot, its interval as a line."""
    rows = [(tag, one) for tag, one in rows if one.mean is not None]
    if not rows:
        return ""
    left, step = 130, 24
    height = step * len(rows) + 34
    parts = [_grid_down(left, 10, step * len(rows) + 10)]
    for place, (tag, one) in enumerate(rows):
        assert one.mean is not None
        y = 10 + step * place + step / 2
        low, high = (one.interval.low, one.interval.high) if one.interval else (one.mean, one.mean)
        x, x0, x1 = (left + value * (_W - left - _RIGHT - 8) for value in (one.mean, low, high))
        name = tag if len(tag) <= 17 else tag[:16] + "…"
        parts.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{esc(name)}</text>')
        parts.append(f'<line class="range" x1="{x0:.1f}" x2="{x1:.1f}" y1="{y}" y2="{y}"/>')
        parts.append(f'<circle class="dot" cx="{x:.1f}" cy="{y}" r="5"/>')
    numbers = table(
        ["kind", "mean", "95 % interval", "scored"],
        [
            [esc(tag), in_unit(one.mean, "share"), interval_in_unit(one.interval, "share"), str(one.n_scored)]
            for tag, one in rows
        ],
        caption=esc(title),
    )
    return figure_of(title, _svg(title, "".join(parts), height), numbers)


def risk(one: Risk, title: str = "Risk and coverage") -> str:
    """The share of wrong answers among the surest, at every coverage."""
    worst = max(0.1, *(point.risk for point in one.points))
    curve = " ".join(f"{_x(point.coverage):.1f},{_y(point.risk / worst):.1f}" for point in one.points)
    guide = _y(one.share_wrong / worst)
    body = (
        _axes("share of answers given, the surest first", [f"{100 * worst * part:.0f} %" for part in (0, 0.5, 1)])
        + f'<line class="guide" x1="{_x(0)}" x2="{_x(1)}" y1="{guide:.1f}" y2="{guide:.1f}"/>'
        + f'<polyline class="curve" points="{curve}"/>'
    )
    places = sorted({min(int(len(one.points) * part / 10), len(one.points) - 1) for part in range(1, 11)})
    numbers = table(
        ["answers given", "of them wrong"],
        [[in_unit(one.points[at].coverage, "share"), in_unit(one.points[at].risk, "share")] for at in places],
        caption=esc(title),
    )
    note = (
        f"Area {in_unit(one.area, 'share')} ({interval_in_unit(one.interval, 'share')}) over {one.n} answers; "
        f"the dashed line, {in_unit(one.share_wrong, 'share')}, is an order that means nothing."
    )
    return figure_of(title, _svg(title, body), numbers, note)


def refusals(steps: Sequence[tuple[float, float | None, float | None]], shipped: float) -> str:
    """By threshold, lowest first, the shares refused: of the questions that nothing answers, and of the others."""
    title = "Refused, by threshold"
    lowest, highest = steps[0][0], steps[-1][0]

    def x(threshold: float) -> float:
        return _x((threshold - lowest) / (highest - lowest))

    def curve(css: str, which: int) -> str:
        points = [(step[0], step[which]) for step in steps]
        drawn = " ".join(f"{x(at):.1f},{_y(share):.1f}" for at, share in points if share is not None)
        return f'<polyline class="{css}" points="{drawn}"/>'

    ticks = [f"{lowest + (highest - lowest) * part:g}" for part in (0, 0.5, 1)]
    body = _axes("threshold (log-odds)", ["0 %", "50 %", "100 %"], ticks) + curve("curve", 1) + curve("guide", 2)
    if lowest <= shipped <= highest:
        at = f"{x(shipped):.1f}"
        body += f'<line class="axis" x1="{at}" x2="{at}" y1="{_y(0):.1f}" y2="{_y(1):.1f}"/>'
    numbers = table(
        ["threshold", "of the unanswerable", "of the answerable"],
        [[f"{at:g}", in_unit(none, "share"), in_unit(some, "share")] for at, none, some in steps],
        caption=title,
    )
    note = "Of the questions that nothing answers (line) and of those that an abstract answers (dashed)."
    return figure_of(title, _svg(title, body), numbers, note)


def calibration(bins: Sequence[Calibration]) -> str:
    """Whether answers are right as often as the judge thinks that their claims are supported."""
    if not bins:
        return ""
    title = "Calibration of the judge"
    n = sum(one.n for one in bins)
    dots = "".join(
        f'<circle class="dot" cx="{_x(one.mean_probability):.1f}" cy="{_y(one.share_right):.1f}" '
        f'r="{3 + 9 * (one.n / n) ** 0.5:.1f}" fill-opacity=".75"/>'
        for one in bins
    )
    body = (
        _axes("probability that the claim is supported", ["0 %", "50 %", "100 %"])
        + f'<line class="guide" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>'
        + dots
    )
    numbers = table(
        ["probability", "claims", "mean", "answer right"],
        [
            [
                f"{one.low:.1f} to {one.high:.1f}",
                str(one.n),
                f"{one.mean_probability:.2f}",
                in_unit(one.share_right, "share"),
            ]
            for one in bins
        ],
        caption=title,
    )
    note = (
        "Each dot is a group of claims: how likely the judge finds them, and how often their answers are right. "
        "A claim can be supported and the answer wrong all the same, so dots below the line need not be its fault."
    )
    return figure_of(title, _svg(title, body), numbers, note)


def times(seconds: Sequence[float]) -> str:
    """Seconds an answer, as the share of answers that had come by then."""
    if not seconds:
        return ""
    title = "Seconds an answer"
    ordered = sorted(seconds)
    quantiles = statistics.quantiles(ordered, n=20) if len(ordered) > 1 else [ordered[0]] * 19
    # The first question loads the models, and one slow answer must not squeeze all others into a corner.
    longest = (ordered[-1] if ordered[-1] <= 3 * quantiles[18] else 1.5 * quantiles[18]) or 1.0
    shown = [value for value in ordered if value <= longest]
    curve = " ".join(
        f"{_x(value / longest):.1f},{_y((place + 1) / len(ordered)):.1f}" for place, value in enumerate(shown)
    )
    body = _axes("seconds", ["0 %", "50 %", "100 %"], [f"{longest * part:.2f}" for part in (0, 0.5, 1)])
    body += f'<polyline class="curve" points="{_x(0)},{_y(0)} {curve}"/>'
    marks = {"median": quantiles[9], "90 %": quantiles[17], "95 %": quantiles[18], "slowest": ordered[-1]}
    rows = [[name, in_unit(value, "seconds")] for name, value in marks.items()]
    numbers = table(["of the answers", "within"], rows, caption=title)
    return figure_of(title, _svg(title, body), numbers)


def range_bar(mean: float, interval: Interval | None) -> str:
    """A mean and its interval between 0 and 1, small enough for a table; the numbers stand beside it."""
    low, high = (interval.low, interval.high) if interval else (mean, mean)
    x, x0, x1 = (4 + 112 * value for value in (mean, low, high))
    return (
        '<svg viewBox="0 0 120 16" style="width:120px" aria-hidden="true">'
        '<line class="axis" x1="4" x2="116" y1="8" y2="8"/>'
        f'<line class="range" x1="{x0:.1f}" x2="{x1:.1f}" y1="8" y2="8"/>'
        f'<circle class="dot" cx="{x:.1f}" cy="8" r="4"/></svg>'
    )


def _svg(title: str, body: str, height: float = _H) -> str:
    return f'<svg viewBox="0 0 {_W} {height:.0f}" role="img" aria-label="{esc(title)}; the numbers follow">{body}</svg>'


def _x(share: float) -> float:
    return _LEFT + share * (_W - _LEFT - _RIGHT - 8)


def _y(share: float) -> float:
    return _TOP + (1 - share) * (_H - _TOP - _BOTTOM)


def _axes(below: str, left: Sequence[str], ticks: Sequence[str] = ("0 %", "50 %", "100 %")) -> str:
    parts = []
    for part, words in zip((0.0, 0.5, 1.0), left, strict=True):
        y = _y(part)
        parts.append(f'<line class="axis" x1="{_x(0)}" x2="{_x(1)}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="label" x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{words}</text>')
    for part, words in zip((0.0, 0.5, 1.0), ticks, strict=True):
        anchor = "end" if part == 1 else "middle"
        parts.append(f'<text class="label" x="{_x(part):.1f}" y="{_H - 24}" text-anchor="{anchor}">{words}</text>')
    parts.append(f'<text class="label" x="{_x(0.5):.1f}" y="{_H - 6}" text-anchor="middle">{below}</text>')
    return "".join(parts)


def _grid_down(left: float, top: float, bottom: float) -> str:
    parts = []
    for part in (0.0, 0.5, 1.0):
        x = left + part * (_W - left - _RIGHT - 8)
        anchor = "end" if part == 1 else "middle"
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
        parts.append(
            f'<text class="label" x="{x:.1f}" y="{bottom + 16}" text-anchor="{anchor}">{100 * part:.0f} %</text>'
        )
    return "".join(parts)

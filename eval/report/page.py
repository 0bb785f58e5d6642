"""The page of one run: figures, plots, and every question behind them."""

from __future__ import annotations

from collections.abc import Sequence

from eval.measures import HEADLINE, Figure
from eval.measures.measure import Measure
from eval.report import plots
from eval.report.markup import document, esc, table
from eval.report.rows import flags_of, row
from eval.runs.records import Run
from eval.scores import Scores
from eval.table import SHORT, groups, in_unit, interval_in_unit, target_in_words


def run_page(scores: Scores) -> str:
    run = scores.run
    model = run.about["settings"]["model"]
    name = run.about["system"] + (f", {model['name']}" if model is not None else ", quoting")
    title = f"{run.about['questions']['count']} questions: {name}"
    tags = list(dict.fromkeys(tag for record in run.records for tag in record.question.tags))
    body = f"""
<a class="skip" href="#questions">To the questions</a>
<header><h1>{esc(title)}</h1>{_summary(scores)}</header>
<main>
<section aria-labelledby="figures-h"><h2 id="figures-h">Figures</h2>{_figures(scores)}</section>
<section aria-labelledby="beside-h"><h2 id="beside-h">Beside it, with the same sources</h2>
{_baselines(scores)}</section>
<section aria-labelledby="plots-h"><h2 id="plots-h">Plots</h2><div class="plots">{_plots(scores)}</div></section>
<section aria-labelledby="questions"><h2 id="questions" tabindex="-1">Questions</h2>
{filters(tags, _measures(scores))}
{_rows(scores, tags)}
</section>
<section aria-labelledby="made-h"><h2 id="made-h">How it was made</h2>{made(run)}</section>
</main>"""
    return document(title, body)


def filters(tags: Sequence[str], measures: Sequence[Measure]) -> str:
    """Hidden until the script that makes them work has run."""
    outcomes = ["answered", "abstained", "failed", "empty", "stopped", "error"]
    verdicts = ["supported", "partial", "contradicted", "unsupported", "uncited", "unchecked"]
    tag_options = _options((f"tag-{number}", tag) for number, tag in enumerate(tags))
    outcome_options = _options((f"outcome-{one}", one) for one in outcomes)
    claim_options = _options((f"claim-{one}", one) for one in verdicts)

    def field(name: str, inner: str) -> str:
        return f'<div class="field"><label for="f-{name}">{name}</label>{inner}</div>'

    missed = [(f"miss-{one.name}", one.words) for one in measures]
    missed += [(f"unscored-{one.name}", f"unscored: {one.words}") for one in measures]
    return f"""<form id="filters" class="filters" hidden aria-label="Which questions are shown">
<label class="tick"><input type="checkbox" name="failures"> only failures</label>
{field("missed", f'<select id="f-missed" name="missed">{_options(missed)}</select>')}
{field("kind", f'<select id="f-kind" name="kind">{tag_options}</select>')}
{field("outcome", f'<select id="f-outcome" name="outcome">{outcome_options}</select>')}
{field("claim", f'<select id="f-claim" name="claim">{claim_options}</select>')}
{field("words", '<input id="f-words" type="search" name="words">')}
<button type="button" id="show-all">show all</button>
</form><p id="shown" class="dim" role="status"></p>"""


def made(run: Run) -> str:
    """Everything that decided what the answers are."""
    rows: list[tuple[str, object]] = []

    def walk(name: str, value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{name}.{key}" if name else str(key), inner)
        elif name != "questions.ids":
            rows.append((name, "–" if value is None else value))

    walk("", dict(run.about))
    cells = "".join(f"<dt>{esc(name)}</dt><dd>{esc(value)}</dd>" for name, value in rows)
    return f"<details><summary>Versions, settings, hashes</summary><dl>{cells}</dl></details>"


def _options(values: object) -> str:
    made = "".join(f'<option value="{esc(value)}">{esc(words)}</option>' for value, words in values)  # type: ignore[attr-defined]
    return f'<option value="">any</option>{made}'


def _measures(scores: Scores) -> list[Measure]:
    """Those that the filters know: the shares."""
    return [one.measure for one in scores.figures if one.measure.unit == "share"]


def _summary(scores: Scores) -> str:
    run = scores.run
    parts = [f"{run.about['corpus']['papers']} papers", f"started {run.about['started'][:16].replace('T', ' ')} UTC"]
    if run.about["settings"]["repeats"] > 1:
        parts.append(f"each asked {run.about['settings']['repeats']} times")
    judge = run.about["settings"].get("judge")
    parts.append(f"judged by {judge}" if judge else "not judged")
    lines = [f'<p class="dim">{esc(" · ".join(parts))}</p>']
    if run.stopped:
        lines.append(f'<p class="note">The run was ended: {esc(run.stopped)}</p>')
    if scores.n_unscored:
        what = "1 answer" if scores.n_unscored == 1 else f"{scores.n_unscored} answers"
        lines.append(
            f'<p class="note">{what} of {len(run.records)} cannot be scored and are in no mean. The column '
            "<em>bounds</em> says where each share would lie if all of them were wrong, or all right.</p>"
        )
    if scores.n_unjudged:
        lines.append(f'<p class="note">{scores.n_unjudged} answers could not be judged.</p>')
    if scores.repeatability:
        rows = [
            [esc(one.measure.words), in_unit(one.flips, "share"), f"{one.n_flipped} of {one.n}"]
            for one in scores.repeatability
            if one.measure.name in SHORT
        ]
        lines.append(table(["two repeats of a question differ", "chance", "questions"], rows, caption="Repeatability"))
    elif run.about["settings"]["model"] is not None:
        lines.append(
            '<p class="note">Every question was asked once, so it is not known how far scores move by themselves. '
            "<code>--repeats 3</code> measures it.</p>"
        )
    return "".join(lines)


def _figures(scores: Scores) -> str:
    parts = []
    has_bounds = bool(scores.n_unscored or scores.n_unjudged)
    css = "figures run bounded" if has_bounds else "figures run"
    for title, names in groups(scores):
        rows = [_figure_row(one, has_bounds) for one in (*scores.figures, *scores.times) if one.measure.name in names]
        head = ["", "mean", "95 % interval", "", "scored", *(["bounds"] if has_bounds else []), "target", "rows"]
        parts.append(table(head, rows, caption=esc(title or "what is promised"), css=css))
    parts.append(
        '<p class="dim">The questions about one paper are one group, since they succeed and fail together; a question '
        "about none is a group of its own. The intervals are a bootstrap over groups.</p>"
    )
    if scores.corrected is not None and scores.rates is not None:
        one = scores.corrected
        parts.append(
            "<p>Claims in its own words that are supported, put right for the judge's errors: "
            f"<strong>{in_unit(one.share, 'share')}</strong> "
            f"({interval_in_unit(one.interval, 'share')}). On the judged answers that ship the judge passes "
            f"{in_unit(scores.rates.sensitivity, 'share')} of the true claims and flags "
            f"{in_unit(scores.rates.specificity, 'share')} of the false ones.</p>"
        )
    if scores.by_people is not None:
        one = scores.by_people
        parts.append(
            f"<p>Claims supported, by people's labels: <strong>{in_unit(one.share, 'share')}</strong> "
            f"({interval_in_unit(one.interval, 'share')}).</p>"
        )
    return "".join(parts)


def _figure_row(one: Figure, has_bounds: bool) -> list[str]:
    unit = one.measure.unit
    target = target_in_words(one)
    colour = {True: "good", False: "bad", None: ""}[one.meets_target]
    bar = plots.range_bar(one.mean, one.interval) if unit == "share" and one.mean is not None else ""
    bounds = interval_in_unit(one.bounds, unit)
    links = []
    if unit == "share" and one.total != (one.n_scored if one.measure.is_good else 0):
        word = "misses" if one.measure.is_good else "those"
        links.append(f'<a href="#questions" data-show="miss-{one.measure.name}">{word}</a>')
    if unit == "share" and one.n_unscored:
        links.append(f'<a href="#questions" data-show="unscored-{one.measure.name}">{one.n_unscored} unscored</a>')
    return [
        esc(one.measure.words),
        f"<strong>{in_unit(one.mean, unit)}</strong>",
        interval_in_unit(one.interval, unit),
        bar,
        f"{one.n_scored}" + ("" if one.n_clusters == one.n_scored else f" in {one.n_clusters} groups"),
        *([bounds] if has_bounds else []),
        f'<span class="{colour}">{esc(target)}</span>' if target else "",
        ", ".join(links),
    ]


def _baselines(scores: Scores) -> str:
    systems = {"this": scores.figures, **scores.baselines}
    known = {name: {one.measure.name: one for one in figures} for name, figures in systems.items()}
    rows = [
        [esc(one.measure.words), *(in_unit(own[one.measure.name].mean, "share") for own in known.values())]
        for one in scores.figures
        if one.measure.name in SHORT
    ]
    return table(["", *map(esc, systems)], rows, caption="Systems that need no thought", css="systems")


def _plots(scores: Scores) -> str:
    parts = []
    for measure in (*HEADLINE[:2], *(one.measure for one in scores.figures if one.measure.name == "faithfulness")):
        rows = [(tag, one) for tag, own in scores.by_tag.items() for one in own if one.measure.name == measure.name]
        parts.append(plots.by_kind(rows, f"By kind: {measure.words}"))
    if scores.risk is not None:
        parts.append(plots.risk(scores.risk))
    parts.append(plots.calibration(scores.calibration))
    parts.append(plots.times([one.seconds for one in scores.run.records if one.seconds and not one.is_cached]))
    return "".join(parts)


def _rows(scores: Scores, tags: Sequence[str]) -> str:
    numbers = {tag: number for number, tag in enumerate(tags)}
    measures = _measures(scores)
    return "".join(
        row(number, record, [*flags_of(record, measures), *(f"tag-{numbers[tag]}" for tag in record.question.tags)])
        for number, record in enumerate(scores.run.records)
    )

"""A run's figures as Markdown, for a pull request or a paper."""

from __future__ import annotations

from eval.measures import HEADLINE, fault
from eval.scores import Scores
from eval.table import SHORT, cut, groups, in_unit, interval_in_unit, target_in_words


def scores_as_markdown(scores: Scores) -> str:
    run = scores.run
    model = run.about["settings"]["model"]
    who = escaped(str(model["name"])) if model is not None else "quoting"
    lines = [
        f"# {run.about['questions']['count']} questions: {escaped(run.about['system'])}, {who}",
        "",
        f"{run.about['corpus']['papers']} papers, corpus `{run.about['corpus']['fingerprint'][:12]}`, questions "
        f"`{run.about['questions']['sha256'][:12]}`, code `{run.about['code'][:12]}`.",
    ]
    if scores.n_unscored:
        lines += ["", f"**{scores.n_unscored} of {len(run.records)} answers cannot be scored** and are in no mean."]
    for title, names in groups(scores):
        lines += ["", *([f"## {title[0].upper()}{title[1:]}", ""] if title else [])]
        lines += [
            "| | mean | 95 % interval | scored | unscored | bounds | target |",
            "|---|---:|---|---:|---:|---|---|",
        ]
        for one in (*scores.figures, *scores.times):
            if one.measure.name in names:
                unit = one.measure.unit
                bounds = interval_in_unit(one.bounds, unit) if one.n_unscored else ""
                lines.append(
                    f"| {one.measure.words} | {in_unit(one.mean, unit)} | {interval_in_unit(one.interval, unit)} "
                    f"| {one.n_scored} | {one.n_unscored} | {bounds} | {target_in_words(one)} |"
                )
    lines += ["", "## Beside it, with the same sources", ""]
    measures = [one.measure for one in scores.figures if one.measure.name in SHORT]
    lines += ["| |" + "".join(f" {one.words} |" for one in measures), "|---|" + "---:|" * len(measures)]
    for name, figures in {"this": scores.figures, **scores.baselines}.items():
        cells = {one.measure.name: in_unit(one.mean, "share") for one in figures}
        lines.append(f"| {name} |" + "".join(f" {cells[one.name]} |" for one in measures))
    lines += ["", "## By kind", ""]
    lines += ["| |" + "".join(f" {one.words} |" for one in HEADLINE), "|---|" + "---:|" * len(HEADLINE)]
    for tag, figures in scores.by_tag.items():
        own = {one.measure.name: one for one in figures}
        lines.append(
            f"| {escaped(tag)} |"
            + "".join(f" {in_unit(own[one.name].mean, 'share')} ({own[one.name].n_scored}) |" for one in HEADLINE)
        )
    missed = [(record, kind) for record in run.records if (kind := fault(record)) is not None]
    lines += ["", f"## {len(missed)} questions missed something", ""]
    lines += [
        f"- `{escaped(record.question.question_id)}` ({kind}): {escaped(record.question.question)}"
        for record, kind in missed
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """On one line, nothing in it that Markdown or HTML would obey."""
    plain = cut(text, 200)
    return "".join(f"&#{ord(ch)};" if ch in "<>&|`*_[]\\!#~" else ch for ch in plain)

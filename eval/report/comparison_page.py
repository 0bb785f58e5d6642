"""The page of a comparison: the differences, and both answers of every question that changed, side by side."""

from __future__ import annotations

from eval.compare import Changed, Comparison
from eval.comparison_table import change, ends, p_in_words
from eval.measures import HEADLINE
from eval.report.markup import document, esc, table
from eval.report.page import filters, made
from eval.report.rows import answer_html, badge
from eval.table import SHORT, in_unit


def comparison_page(found: Comparison) -> str:
    title = f"{found.after.about['questions']['count']} questions, before and after"
    tags = list(dict.fromkeys(tag for one in found.changed for tag in one.question.tags))
    numbers = {tag: number for number, tag in enumerate(tags)}
    rows = "".join(
        _row(number, one, [f"tag-{numbers[tag]}" for tag in one.question.tags])
        for number, one in enumerate(found.changed)
    )
    differing = "".join(f"<li>{esc(one)}</li>" for one in found.settings)
    how = f"<p>What differs in how they were made:</p><ul>{differing}</ul>" if differing else ""
    other = "1 more answer changed" if found.n_other_words == 1 else f"{found.n_other_words} more answers changed"
    body = f"""
<a class="skip" href="#questions">To the questions that changed</a>
<header><h1>{esc(title)}</h1>
{how or '<p class="dim">Made in the same way.</p>'}
</header>
<main>
<section aria-labelledby="figures-h"><h2 id="figures-h">Differences, paired by question</h2>{_table(found)}</section>
<section aria-labelledby="questions"><h2 id="questions" tabindex="-1">{len(found.changed)} questions changed</h2>
<p class="dim">{other} only in their words.</p>
{filters(tags, HEADLINE) if found.changed else ""}{rows}</section>
<section aria-labelledby="made-h"><h2 id="made-h">How they were made</h2>
<h3>Before</h3>{made(found.before)}<h3>After</h3>{made(found.after)}</section>
</main>"""
    return document(title, body)


def _table(found: Comparison) -> str:
    rows = []
    for one in found.measures:
        if one.difference is None:
            continue
        unit, own = one.measure.unit, one.difference
        colour = {"better": "good", "worse": "bad"}.get(one.direction, "")
        word = one.direction if one.direction in ("better", "worse") else ""
        lost = f'<span class="bad">{one.n_lost} failed after</span>' if one.n_lost else ""
        rows.append(
            [
                esc(one.measure.words),
                in_unit(one.before, unit),
                in_unit(one.after, unit),
                f'<strong class="{colour}">{change(own.mean, unit)}</strong>',
                ends(own.interval, unit),
                esc(p_in_words(own.p_value)),
                f"{one.n_wins} / {one.n_losses} / {own.n_equal}",
                f'<span class="{colour}">{word}</span> {lost}',
            ]
        )
    head = ["", "before", "after", "change", "95 % interval", "p", "better / worse / same", ""]
    return table(head, rows, caption="Shares change in points of per cent", css="figures")


def _row(number: int, one: Changed, tags: list[str]) -> str:
    flags = [*tags, *(f"miss-{name}" for name in one.lost), *(["failed"] if one.lost else [])]
    for record in (one.before, one.after):
        flags.append(f"outcome-{record.answer['outcome'] if record.answer is not None else 'error'}")
        flags += [f"claim-{claim.together.verdict}" for claim in (record.judged.claims if record.judged else ())]
    badges = [badge("better: " + ", ".join(SHORT.get(name, name) for name in one.gained), "good")] if one.gained else []
    if one.lost:
        badges.append(badge("worse: " + ", ".join(SHORT.get(name, name) for name in one.lost), "bad"))
    return (
        f'<article id="q-{number}" data-flags="{esc(" ".join(flags))}"><details><summary>'
        f'<span class="id">{esc(one.question.question_id)}</span> <bdi>{esc(one.question.question)}</bdi> '
        f'{" ".join(badges)}</summary><div class="two">'
        f"<div><h3>Before</h3>{answer_html(one.before)}</div><div><h3>After</h3>{answer_html(one.after)}</div>"
        "</div></details></article>"
    )

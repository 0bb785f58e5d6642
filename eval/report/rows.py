"""One question with its answer: claims and verdicts, the abstracts with what was quoted marked, what was wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eval.measures import HEADLINE, UNSCORED, Measure, fault, score
from eval.measures.answers import citations
from eval.report.markup import esc
from eval.runs.judged import JudgedClaim
from eval.runs.records import Record
from eval.table import SHORT

_COLOURS = {
    "supported": "good",
    "partial": "unclear",
    "unchecked": "unclear",
    "contradicted": "bad",
    "unsupported": "bad",
    "uncited": "bad",
}


def flags_of(record: Record, measures: Sequence[Measure] = HEADLINE) -> list[str]:
    """What the filters look at: failed, outcome-*, miss-*, claim-*; tags are numbered by the page."""
    flags = [f"outcome-{record.answer['outcome'] if record.answer is not None else 'error'}"]
    kind = fault(record)
    if kind is not None:
        flags += ["failed", f"fault-{kind.replace(' ', '-')}"]
    for measure in measures:
        value = score(measure, record)
        if value not in (None, UNSCORED) and float(value) != float(measure.is_good):
            flags.append(f"miss-{measure.name}")
        if value == UNSCORED:
            flags.append(f"unscored-{measure.name}")
    for verdict in {claim.together.verdict for claim in (record.judged.claims if record.judged else ())}:
        flags.append(f"claim-{verdict}")
    return flags


def row(number: int, record: Record, flags: Sequence[str]) -> str:
    question = record.question
    kind = fault(record)
    repeat = f" · repeat {record.repeat + 1}" if record.repeat else ""
    badges = [badge(outcome_of(record), "bad" if record.failure else "")]
    if kind is None:
        badges.append(badge("right", "good"))
    else:
        misses = [SHORT[one.name] for one in HEADLINE if f"miss-{one.name}" in flags]
        badges.append(badge("missed: " + ", ".join(misses) if misses else f"failed: {kind}", "bad"))
    badges += [badge(verdict, _COLOURS[verdict]) for verdict in _worst_verdicts(record)]
    return (
        f'<article id="q-{number}" data-flags="{esc(" ".join(flags))}"><details><summary>'
        f'<span class="id">{esc(question.question_id)}{repeat}</span> <bdi>{esc(question.question)}</bdi> '
        f"{' '.join(badges)}</summary><div>{body(record)}</div></details></article>"
    )


def body(record: Record) -> str:
    """Everything about one record, without its question."""
    return _history(record) + answer_html(record) + _wanted(record)


def answer_html(record: Record) -> str:
    answer = record.answer
    if answer is None:
        return f'<h3>No answer</h3><p class="bad">{esc(record.failure)}</p>'
    parts = ["<h3>Answer</h3>"]
    if record.failure:
        parts.append(f'<p class="bad">{esc(record.failure)}</p>')
    judged: Sequence[JudgedClaim | None] = [None] * len(answer["claims"])
    if record.judged is not None and not record.judged.error:
        judged = record.judged.claims
    if not answer["claims"]:
        parts.append(f"<blockquote><bdi>{esc(answer['text'] or 'nothing')}</bdi></blockquote>")
    parts += [_claim(claim, one) for claim, one in zip(answer["claims"], judged, strict=True)]
    if record.judged is not None and record.judged.error:
        parts.append(f'<p class="bad">not judged: {esc(record.judged.error)}</p>')
    parts += [f'<p class="dim">note: {esc(note)}</p>' for note in answer.get("notes") or ()]
    return "".join(parts) + _sources(answer) + _effort(record)


def outcome_of(record: Record) -> str:
    return str(record.answer["outcome"]) if record.answer is not None else "error"


def badge(words: str, colour: str = "") -> str:
    return f'<span class="badge {colour}">{esc(words)}</span>'


def _claim(claim: Mapping[str, Any], judged: JudgedClaim | None) -> str:
    markers = "".join(f"[{esc(citation['number'])}]" for citation in claim["citations"])
    parts = [f"<p><bdi>{esc(claim['text'])}</bdi> {markers}</p>", "<p>"]
    if judged is not None:
        verdict = judged.together.verdict
        sure = f" {judged.together.score:.2f}" if judged.together.score is not None else ""
        parts.append(badge(f"judge: {verdict}{sure}", _COLOURS[verdict]))
    if claim.get("verdict"):
        parts.append(" " + badge(f"shown as: {claim['verdict']}", _COLOURS.get(claim["verdict"], "")))
    parts.append("</p>")
    if judged is not None and judged.together.reasons:
        parts.append(f'<p class="dim">{esc("; ".join(judged.together.reasons))}</p>')
    if judged is not None and judged.elsewhere is not None:
        parts.append(f'<p class="dim">another source says it: {esc(judged.elsewhere)}</p>')
    return f'<div class="claim">{"".join(parts)}</div>'


def _sources(answer: Mapping[str, Any]) -> str:
    cited = citations(answer)
    used = {citation["paper_id"] for citation in cited}
    parts = []
    for source in answer["sources"]:
        if source["paper_id"] in used and "text" in source:
            own = [one for one in cited if one["paper_id"] == source["paper_id"]]
            parts.append(
                f"<p><strong>[{esc(own[0]['number'])}]</strong> <bdi>{esc(source['title'])}</bdi> "
                f'<span class="dim">{esc(source["paper_id"])}</span></p>'
                f"<blockquote><bdi>{_marked(source, own)}</bdi></blockquote>"
            )
    missing = [one for one in cited if one["paper_id"] is None]
    parts += [f'<p class="bad">[{esc(one["number"])}] points to no source</p>' for one in missing]
    others = [source["title"] for source in answer["sources"] if source["paper_id"] not in used]
    rest = "".join(f"<li><bdi>{esc(title)}</bdi></li>" for title in others)
    if parts:
        parts.insert(0, "<h3>Evidence</h3>")
    if rest:
        parts.append(f"<details><summary>{len(others)} sources that are not cited</summary><ol>{rest}</ol></details>")
    return "".join(parts)


def _marked(source: Mapping[str, Any], cited: Sequence[Mapping[str, Any]]) -> str:
    """The source's text with its quotes marked; spans that overlap are marked once."""
    text, offset = source["text"], source.get("start") or 0
    spans = sorted(
        (one["start"] - offset, one["end"] - offset)
        for one in cited
        if one.get("start") is not None and 0 <= one["start"] - offset <= one["end"] - offset <= len(text)
    )
    parts, at = [], 0
    for start, end in spans:
        if end <= at:
            continue
        start = max(start, at)
        parts.append(f"{esc(text[at:start])}<mark>{esc(text[start:end])}</mark>")
        at = end
    return "".join(parts) + esc(text[at:])


def _wanted(record: Record) -> str:
    question = record.question
    rows = []
    if not question.answerable:
        rows.append(("wanted", "an abstention: no abstract answers"))
    if question.reference:
        rows.append(("reference", question.reference))
    rows += [("answering sentence", one) for one in question.evidence]
    rows += [("must match", one) for one in question.must]
    rows += [("must not match", one) for one in question.must_not]
    if question.relevant:
        titles = {source["paper_id"]: source["title"] for source in (record.answer or {"sources": ()})["sources"]}
        named = (f"{titles[one]} ({one})" if titles.get(one) else one for one in question.relevant)
        rows.append(("right papers", "; ".join(named)))
    if question.tags:
        rows.append(("tags", ", ".join(question.tags)))
    kind = fault(record)
    if kind is not None:
        rows.append(("look first at", kind))
    cells = "".join(f"<dt>{name}</dt><dd><bdi>{esc(value)}</bdi></dd>" for name, value in rows)
    return f"<h3>What was wanted</h3><dl>{cells}</dl>"


def _history(record: Record) -> str:
    if not record.question.history:
        return ""
    turns = "".join(
        f"<p><bdi>{esc(turn.question)}</bdi></p><blockquote><bdi>{esc(turn.answer)}</bdi></blockquote>"
        for turn in record.question.history
    )
    return f"<h3>Before it</h3>{turns}"


def _effort(record: Record) -> str:
    assert record.answer is not None
    parts = [f"{record.seconds:.2f} s"]
    usage = record.answer.get("usage") or {}
    if usage.get("prompt_tokens") is not None:
        parts.append(f"{usage['prompt_tokens']} tokens in, {usage.get('completion_tokens')} out")
    if record.is_cached:
        parts.append("reply from the cache")
    if record.n_attempts > 1:
        parts.append(f"{record.n_attempts} attempts")
    return f'<p class="dim">{" · ".join(esc(part) for part in parts)}</p>'


def _worst_verdicts(record: Record) -> list[str]:
    order = ("contradicted", "unsupported", "uncited", "partial")
    said = {claim.together.verdict for claim in (record.judged.claims if record.judged else ())}
    return [verdict for verdict in order if verdict in said][:2]

"""The library in the page: its papers, the files on their way in, and what it holds in figures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from rag.readable import readable
from rag.types import Kind, Paper
from ui.adding import MAX_SHOWN_REJECTED, Coming
from ui.core import Row, Shelf
from ui.rendering.markup import address, icon, outside, text
from ui.texts import Texts

PAGE_ROWS = 50
_MANY_AUTHORS = 3
TABS = ("papers", "add", "statistics")


def head(t: Texts, *, read_only: bool) -> str:
    """The title, the way back, and the tabs."""
    offered = [tab for tab in TABS if not (read_only and tab == "add")]
    tabs = "".join(
        f'<button type="button" role="tab" id="tab-{tab}" data-do="library" data-tab="{tab}" '
        f'aria-controls="library-{tab}" aria-selected="false">{text(t(f"library.{tab}"))}</button>'
        for tab in offered
    )
    return (
        f'<div class="panel-head"><h2>{text(t("library.title"))}</h2>'
        f'<button type="button" class="plain small" data-do="close-library">{icon("close")} {text(t("library.close"))}'
        f'</button></div><div class="tabs" role="tablist" aria-label="{text(t("library.title"))}">{tabs}</div>'
    )


# Papers


def tools(shelf: Shelf, t: Texts) -> str:
    """The search and the filters above the list."""
    search = text(t("library.search"))
    years = sorted({row.year for row in shelf.rows if row.year is not None}, reverse=True)
    return (
        f'<form class="tools" data-form="papers"><label class="search"><span class="spoken">{search}</span>'
        f'{icon("search")}<input type="search" name="search" placeholder="{search}" autocomplete="off" maxlength="200">'
        f"</label>{_select('year', t('library.all_years'), [str(year) for year in years])}"
        f"{_select('tag', t('library.all_tags'), shelf.tags())}"
        f"{_select('source', t('library.all_sources'), shelf.sources())}</form>"
    )


def _select(name: str, label: str, values: Sequence[str]) -> str:
    if not values:
        return ""
    options = "".join(f'<option value="{text(value)}">{text(value)}</option>' for value in values)
    return f'<select name="{name}" aria-label="{text(label)}"><option value="">{text(label)}</option>{options}</select>'


def paper_list(
    rows: Sequence[Row],
    papers: Mapping[str, Paper],
    t: Texts,
    *,
    first: int,
    n_all: int,
    n_held: int,
    read_only: bool,
    kinds: Sequence[Kind],
) -> str:
    """One page of the list; ``first`` counts from 0, ``papers`` gives what the rows leave out."""
    if not rows:
        return f'<p class="quiet">{text(t("library.shown_none" if n_held else "library.first"))}</p>'
    items = "".join(_paper(row, papers.get(row.paper_id), t, read_only=read_only) for row in rows)
    shown = t("library.shown", first=t.number(first + 1), last=t.number(first + len(rows)), all=t.number(n_all))
    note = f'<p class="quiet">{text(t("library.read_only"))}</p>' if read_only else ""
    pager = ""
    if n_all > len(rows):
        pager = (
            f'<button type="button" class="plain small" data-do="papers" data-first="{max(0, first - PAGE_ROWS)}"'
            f"{' disabled' if first == 0 else ''}>{text(t('library.previous'))}</button>"
            f'<button type="button" class="plain small" data-do="papers" data-first="{first + PAGE_ROWS}"'
            f"{' disabled' if first + len(rows) >= n_all else ''}>{text(t('library.next'))}</button>"
        )
    return (
        f'{note}<div class="list-bar"><p class="quiet" role="status">{text(shown)}</p>{pager}</div>'
        f'<ul class="papers">{items}</ul>{_chosen_bar(t, read_only=read_only, kinds=kinds)}'
    )


def paper_element(paper_id: str) -> str:
    return f"paper-{hashlib.sha256(paper_id.encode('utf-8', 'replace')).hexdigest()[:12]}"


def _paper(row: Row, paper: Paper | None, t: Texts, *, read_only: bool) -> str:
    own = paper_element(row.paper_id)
    given = text(row.paper_id)
    authors = [readable(author) for author in row.authors[:_MANY_AUTHORS]]
    if len(row.authors) > _MANY_AUTHORS:
        authors.append(t("evidence.and_others"))
    parts = [outside(", ".join(authors))] if authors else []
    parts += [outside(readable(str(part))) for part in (row.venue, row.year) if part]
    if not row.has_abstract:
        parts.append(text(t("library.no_abstract")))
    notice = f'<p class="retracted">{outside(row.notice)}</p>' if row.notice else ""
    tags = "".join(_tag(tag, row, t, read_only=read_only) for tag in row.tags)
    remove = (
        ""
        if read_only
        else f'<button type="button" class="plain small danger" data-do="remove" data-id="{given}">'
        f"{text(t('library.remove'))}</button>"
    )
    ask = (
        f'<button type="button" class="plain small" data-do="ask-papers" data-id="{given}">'
        f"{text(t('library.ask_this'))}</button>"
        if row.has_abstract
        else ""
    )
    abstract = (
        f'<p class="abstract" dir="auto" lang="en">{text(paper.abstract)}</p>' if paper and paper.abstract else ""
    )
    link = address(paper) if paper else None
    opened = (
        f'<a href="{text(link)}" target="_blank" rel="noopener noreferrer">{text(t("evidence.open_paper"))}'
        "\N{NO-BREAK SPACE}↗</a>"
        if link
        else ""
    )
    label = text(t("library.select", title=row.title))
    return (
        f'<li class="paper" id="{own}"><input type="checkbox" name="chosen" value="{given}" aria-label="{label}">'
        f'<details id="{own}-more"><summary><span class="head"><h3 dir="auto">{outside(row.title)}</h3>'
        f'<span class="byline">{" · ".join(parts)}</span></span></summary>{notice}{abstract}'
        f'<p class="choices">{ask}{opened}{remove}</p></details><div class="tags">{tags}</div></li>'
    )


def _tag(tag: str, row: Row, t: Texts, *, read_only: bool) -> str:
    if read_only:
        return f'<span class="chip tag">{outside(tag)}</span>'
    label = text(t("library.tag_remove", tag=tag, title=row.title))
    return (
        f'<button type="button" class="chip tag" data-do="untag" data-id="{text(row.paper_id)}" data-tag="{text(tag)}" '
        f'aria-label="{label}">{outside(tag)} <span aria-hidden="true">×</span></button>'
    )


def _chosen_bar(t: Texts, *, read_only: bool, kinds: Sequence[Kind]) -> str:
    """What can be done with the chosen papers; the page shows it when there are some."""
    works = [("answer", t("library.ask_chosen"), "")]
    if "summary" in kinds:
        works.append(("summary", t("library.summarise"), t("library.summarise_question")))
    if "comparison" in kinds:
        works.append(("comparison", t("library.compare"), t("library.compare_question")))
    buttons = "".join(
        f'<button type="button" class="plain small" data-do="ask-papers" data-kind="{kind}" '
        f'data-question="{text(question)}">{text(label)}</button>'
        for kind, label, question in works
    )
    change = (
        ""
        if read_only
        else f'<form class="tag-form" data-form="tag"><label><span class="spoken">{text(t("library.tag_label"))}</span>'
        f'<input name="tag" maxlength="60" placeholder="{text(t("library.tag"))}" autocomplete="off"></label>'
        f'<button type="submit" class="plain small">{text(t("library.tag_add"))}</button></form>'
        f'<button type="button" class="plain small danger" data-do="remove-chosen">{text(t("library.remove"))}</button>'
    )
    words = text(str(t.keys()["library.chosen"]["other"]))
    return (
        f'<div class="chosen-bar" id="chosen-bar" hidden><span class="count" data-words="{words}"></span>'
        f"{buttons}{change}</div>"
    )


# Files


def drop_zone(t: Texts, limit: str) -> str:
    return (
        f'<div class="drop" id="drop">{icon("file")}<p><strong>{text(t("add.drop"))}</strong> {text(t("add.or"))} '
        f'<label class="choose"><input type="file" id="files" multiple class="spoken"><span class="link">'
        f"{text(t('add.choose'))}</span></label></p>"
        f'<p class="quiet">{text(t("add.kinds"))} {text(t("add.limit", size=limit))}</p></div>'
    )


def files(coming: Sequence[Coming], t: Texts) -> str:
    """A row for each file, the newest first."""
    if not coming:
        return ""
    rows = "".join(_file(file, t) for file in reversed(coming))
    some_over = any(file.is_over for file in coming)
    ask = (
        f'<button type="button" class="primary small" data-do="close-library">{text(t("add.ask_now"))}</button>'
        if any(file.state == "done" and file.n_done for file in coming)
        else ""
    )
    dismiss = (
        f'<button type="button" class="plain small" data-do="dismiss-files">{text(t("add.dismiss"))}</button>'
        if some_over
        else ""
    )
    return f'<div class="list-bar"><h3>{text(t("add.files"))}</h3>{ask}{dismiss}</div><ul class="files">{rows}</ul>'


def _file(file: Coming, t: Texts) -> str:
    percent = _percent(file)
    signs = {"waiting": "…", "reading": "…", "adding": "…", "done": "✓", "cancelled": "■", "failed": "!"}
    bar = ""
    if not file.is_over:
        value = "" if percent is None else f' value="{percent}"'
        bar = f'<progress max="100"{value} aria-label="{text(file.name)}"></progress>'
    cancel = (
        ""
        if file.is_over
        else f'<button type="button" class="plain small" data-do="cancel-file" data-file="{file.file_id}" '
        f'aria-label="{text(t("add.cancel_of", name=file.name))}">{text(t("add.cancel"))}</button>'
    )
    error = f'<p class="why">{outside(file.error)}</p>' if file.error else ""
    return (
        f'<li class="file {file.state}" id="file-{file.file_id}"><div class="file-head"><span class="sign" '
        f'aria-hidden="true">{signs[file.state]}</span><span class="name">{outside(file.name)}</span>'
        f'<span class="state">{text(_state(file, t))}</span>{cancel}</div>'
        f"{bar}{error}{_counts(file, t)}{_rejected(file, t)}</li>"
    )


def _percent(file: Coming) -> int | None:
    if file.state != "adding" or not file.n_records:
        return None
    return min(100, 100 * file.n_done // file.n_records)


def _state(file: Coming, t: Texts) -> str:
    if file.state == "reading":
        return t("add.reading", n=file.n_records)
    if file.state == "adding":
        return t("add.adding", done=t.number(file.n_done), all=t.number(file.n_records))
    return t(f"add.{file.state}")


def _counts(file: Coming, t: Texts) -> str:
    report = file.report
    if report is None:
        return ""
    named = {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "duplicates": getattr(report, "duplicates", 0),
        "without_abstract": report.without_abstract,
    }
    parts = [t(f"add.{name}", n=n) for name, n in named.items() if n]
    return f'<p class="quiet">{text(" · ".join(parts))}</p>' if parts else ""


def _rejected(file: Coming, t: Texts) -> str:
    report = file.report
    if report is None or not report.n_skipped:
        return ""
    lines = "".join(
        f"<li>{outside(t('add.rejected_line', line=t.number(one.line), reason=one.reason))}"
        + (f' <code dir="auto">{outside(one.excerpt)}</code>' if one.excerpt else "")
        + "</li>"
        for one in report.skipped[:MAX_SHOWN_REJECTED]
    )
    left = report.n_skipped - min(len(report.skipped), MAX_SHOWN_REJECTED)
    more = f'<li class="quiet">{text(t("add.rejected_more", n=left))}</li>' if left > 0 else ""
    return (
        f'<details class="rejected" id="file-{file.file_id}-rejected"><summary>'
        f"{text(t('add.rejected', n=report.n_skipped))}</summary><ul>{lines}{more}</ul></details>"
    )

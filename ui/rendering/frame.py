"""What stands around a conversation: the top line, the list, the empty page, settings and help."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.types import Kind
from ui.asking import Narrowing
from ui.conversations import Listed
from ui.rendering.markup import SIGNS, icon, outside, shortened, text
from ui.texts import Texts

DAY_SECONDS = 86_400.0
KINDS: tuple[tuple[Kind, str], ...] = (
    ("answer", "ask.kind_answer"),
    ("summary", "ask.kind_summary"),
    ("comparison", "ask.kind_comparison"),
)
"""The kinds of work that can be chosen, in the order in which they stand."""


@dataclass(frozen=True, slots=True)
class Place:
    """What the page says about where it is: the library, the answerer, and who is asking."""

    library: str
    n_papers: int
    model: str | None
    """None in quoting mode."""
    model_host: str | None = None
    """Where questions go; None in quoting mode."""
    kinds: tuple[Kind, ...] = ("answer",)
    """Kinds of work that the core can be asked for."""
    read_only: bool = False
    person: str | None = None
    """The name of who is logged in."""
    n_adding: int = 0
    """Files on their way in."""


def masthead(place: Place, t: Texts) -> str:
    """The top line."""
    size = t("top.library_of", n=place.n_papers)
    adding = ""
    if place.n_adding:
        words = text(t("top.adding", n=place.n_adding))
        adding = f'<button type="button" class="chip busy" data-do="library" data-tab="add">{words}</button>'
    if place.model is None:
        mode, why = text(t("top.quoting")), t("top.quoting_why")
    else:
        mode, why = outside(place.model), t("top.model_why")
    return (
        f'<a class="skip" href="#question" data-do="question">{text(t("top.skip"))}</a>'
        f'<button type="button" class="quiet-button" id="drawer-button" data-do="drawer" aria-controls="list" '
        f'aria-expanded="false" aria-label="{text(t("top.conversations"))}">{icon("menu")}</button>'
        f'<h1 class="brand">footnoted</h1>'
        f'<button type="button" class="chip library" data-do="library" '
        f'aria-label="{text(t("top.open_library", name=place.library))}, {text(size)}">{icon("book")}'
        f'<span class="name">{outside(place.library)}</span> <span class="size">{text(size)}</span></button>'
        f'<button type="button" class="chip mode" data-do="settings" title="{text(why)}">{mode}</button>{adding}'
        '<span class="gap"></span>'
        f'<button type="button" class="quiet-button" data-do="help" aria-label="{text(t("top.help"))}" '
        f'title="{text(t("top.help"))}">{icon("help")}</button>'
        f'<button type="button" class="quiet-button" data-do="settings" aria-label="{text(t("top.settings"))}" '
        f'title="{text(t("top.settings"))}">{icon("gear")}</button>'
    )


def welcome(place: Place, examples: Sequence[str], t: Texts) -> str:
    """The conversation before its first turn. The last of several ``examples`` is one the abstracts do not answer."""
    if place.n_papers == 0:
        add = (
            f'<p class="quiet">{text(t("welcome.empty_read_only"))}</p>'
            if place.read_only
            else f'<p class="choices"><button type="button" class="primary" data-do="library" data-tab="add">'
            f"{text(t('welcome.empty_add'))}</button></p>"
        )
        return (
            f'<section class="welcome"><h2>{text(t("welcome.empty_title"))}</h2>'
            f"<p>{text(t('welcome.empty'))}</p>{add}</section>"
        )
    note = (
        f'<p class="note"><strong>{text(t("welcome.quoting"))}</strong> {text(t("welcome.quoting_more"))}</p>'
        if place.model is None
        else ""
    )
    return (
        f'<section class="welcome"><h2>{text(t("welcome.title", n=place.n_papers))}</h2>'
        f"<p>{text(t('welcome.promise'))}</p>{note}{_examples(examples, t)}</section>"
    )


def _examples(examples: Sequence[str], t: Texts) -> str:
    if not examples:
        return ""
    shown = [
        f'<button type="button" class="example" data-ask="{text(example)}">{outside(example)}</button>'
        for example in examples
    ]
    if len(shown) > 1:
        shown.insert(-1, f'<p class="aside">{text(t("welcome.impossible"))}</p>')
    title = f"<h3>{text(t('welcome.try'))}</h3>"
    return f'<div class="examples">{title}<div class="choices column">{"".join(shown)}</div></div>'


# The conversations on the left


def list_head(t: Texts) -> str:
    """What stands above the list and stays: a new conversation, and the search."""
    search = text(t("list.search"))
    return (
        f'<div class="list-head"><button type="button" class="plain wide" data-do="new">{icon("plus")} '
        f"{text(t('list.new'))}</button>"
        f'<label class="search"><span class="spoken">{search}</span>{icon("search")}'
        f'<input type="search" id="list-search" placeholder="{search}" autocomplete="off" maxlength="200"></label>'
        "</div>"
    )


def conversation_list(
    listed: Sequence[Listed], current: str | None, t: Texts, *, searched: bool = False, now: float | None = None
) -> str:
    """The conversations, newest first, in groups by age."""
    if not listed:
        return f'<p class="quiet">{text(t("list.none_found" if searched else "list.none"))}</p>'
    now = time.time() if now is None else now
    groups: dict[str, list[str]] = {}
    for one in listed:
        groups.setdefault(_age(now - one.changed), []).append(_listed(one, one.conversation_id == current, t))
    return "".join(
        f'<section aria-label="{text(t(name))}"><h3>{text(t(name))}</h3><ul>{"".join(items)}</ul></section>'
        for name, items in groups.items()
    )


def _age(seconds: float) -> str:
    if seconds < DAY_SECONDS:
        return "list.today"
    return "list.week" if seconds < 7 * DAY_SECONDS else "list.older"


def _listed(one: Listed, is_current: bool, t: Texts) -> str:
    title = one.title or t("list.untitled")
    own = one.conversation_id
    note = ""
    if one.is_running:
        note = f' <span class="state">{text(t("list.answering"))}</span>'
    elif one.imported:
        note = f' <span class="state">{text(t("list.imported"))}</span>'
    current = ' aria-current="page"' if is_current else ""
    return (
        f'<li id="listed-{own}" class="listed">'
        f'<a href="?c={own}" data-open="{own}" data-title="{text(title)}"{current}>'
        f'<span class="title">{outside(title)}</span>{note}</a>'
        f'<button type="button" class="quiet-button" popovertarget="menu-{own}" '
        f'aria-label="{text(t("list.more_of", title=title))}">{icon("more")}</button>'
        f'<div class="menu" id="menu-{own}" popover>{_menu(own, t)}</div></li>'
    )


def _menu(own: str, t: Texts) -> str:
    exports = "".join(
        f'<a href="footnoted/export/{own}.{kind}" download>{text(t(key))}</a>'
        for kind, key in (
            ("md", "list.markdown"),
            ("html", "list.html"),
            ("bib", "list.bibtex"),
            ("json", "list.json"),
        )
    )
    return (
        f'<button type="button" data-do="rename" data-id="{own}">{text(t("list.rename"))}</button>{exports}'
        f'<button type="button" class="danger" data-do="delete" data-id="{own}">{text(t("list.delete"))}</button>'
    )


def list_foot(t: Texts) -> str:
    label = text(t("list.import"))
    return (
        f'<label class="import"><input type="file" id="import" accept=".json,application/json" class="spoken">'
        f'<span class="plain">{icon("file")} {label}</span></label>'
    )


# Beside the question


def kinds(place: Place, t: Texts) -> str:
    """What is to be done with the question; "" where there is no choice."""
    offered = [(kind, key) for kind, key in KINDS if kind in place.kinds]
    if len(offered) < 2:
        return ""
    radios = "".join(
        f'<label><input type="radio" name="kind" value="{kind}"{" checked" if kind == "answer" else ""}>'
        f"<span>{text(t(key))}</span></label>"
        for kind, key in offered
    )
    return f'<fieldset class="kinds"><legend class="spoken">{text(t("ask.kind"))}</legend>{radios}</fieldset>'


def filter_button(t: Texts) -> str:
    return (
        f'<button type="button" class="plain small" id="filter-button" data-do="filter" aria-haspopup="dialog">'
        f"{icon('filter')} {text(t('ask.filter'))}</button>"
    )


def verified_switch(t: Texts) -> str:
    return (
        '<label class="switch"><input type="checkbox" role="switch" id="verified-only">'
        f"<span>{text(t('ask.verified_only'))}</span></label>"
    )


def filter_form(
    tags: Sequence[str], sources: Sequence[str], years: tuple[int, int] | None, only: Narrowing, t: Texts
) -> str:
    """The form in which papers are chosen by year, tag and source; ``years`` are the first and the last held."""
    row = ""
    if years is not None:
        row = "".join(
            f'<label>{text(t(key))}<input type="number" name="{name}" min="{years[0]}" max="{years[1]}" '
            f'inputmode="numeric" placeholder="{shown}" value="{"" if given is None else given}"></label>'
            for key, name, shown, given in (
                ("ask.filter_from", "from_year", years[0], only.from_year),
                ("ask.filter_to", "to_year", years[1], only.to_year),
            )
        )
    return (
        f'<form class="form" aria-label="{text(t("ask.filter_title"))}" data-form="filter">'
        f'<h3>{text(t("ask.filter_title"))}</h3><div class="pair">{row}</div>'
        f"{_choice('tag', t('ask.filter_tag'), tags, only.tag, t)}"
        f"{_choice('source', t('ask.filter_source'), sources, only.source, t)}"
        f'<p class="choices"><button type="submit" class="primary small">{text(t("ask.filter_apply"))}</button>'
        f'<button type="button" class="plain small" data-do="clear-filter">{text(t("ask.filter_clear"))}</button>'
        "</p></form>"
    )


def _choice(name: str, label: str, values: Sequence[str], chosen: str | None, t: Texts) -> str:
    if not values:
        return ""
    options = "".join(
        f'<option value="{text(value)}"{" selected" if value == chosen else ""}>{text(shortened(value))}</option>'
        for value in values
    )
    return (
        f'<label>{text(label)}<select name="{name}"><option value="">{text(t("ask.filter_any"))}</option>'
        f"{options}</select></label>"
    )


def chips(parts: Mapping[str, str], t: Texts) -> str:
    """The papers asked, as chips that can be taken away: the words of each condition by its name."""
    return "".join(
        f'<button type="button" class="chip filter" data-do="drop-filter" data-name="{text(name)}" '
        f'aria-label="{text(t("ask.filter_remove", what=words))}">{outside(words)} '
        f'<span aria-hidden="true">×</span></button>'
        for name, words in parts.items()
    )


# Dialogs


def settings(place: Place, offered: Mapping[str, str], t: Texts) -> str:
    """The settings; ``offered`` names the languages by code."""
    languages = "".join(
        f'<option value="{code}"{" selected" if code == t.language else ""}>{text(name)}</option>'
        for code, name in offered.items()
    )
    themes = "".join(
        f'<label><input type="radio" name="theme" value="{value}"><span>{text(t(f"settings.{value}"))}</span></label>'
        for value in ("system", "light", "dark")
    )
    private = (
        t("settings.private_nothing")
        if place.model is None
        else t("settings.private_model", host=place.model_host or place.model)
    )
    person = (
        f'<section><p class="quiet">{text(t("settings.signed_in", name=place.person))}</p>'
        f'<form method="post" action="footnoted/log-out" data-form="log-out"><button type="submit" class="plain">'
        f"{text(t('settings.log_out'))}</button></form></section>"
        if place.person is not None
        else ""
    )
    return _dialog(
        "settings",
        t("settings.title"),
        f'<section><fieldset class="kinds"><legend>{text(t("settings.theme"))}</legend>{themes}</fieldset></section>'
        f'<section><label class="stacked">{text(t("settings.language"))}'
        f'<select id="language">{languages}</select></label></section>'
        f"<section><h3>{text(t('settings.private'))}</h3><p>{outside(private)}</p></section>{person}",
        t("settings.close"),
    )


def help_sheet(t: Texts) -> str:
    keys = (
        ("/", "help.key_question"),
        ("j k", "help.key_next"),
        ("o", "help.key_open"),
        ("n", "help.key_new"),
        ("s", "help.key_list"),
        ("l", "help.key_library"),
        ("v", "help.key_verified"),
        ("Esc", "help.key_stop"),
        ("?", "help.key_help"),
    )
    rows = "".join(
        f"<div><dt>{' '.join(f'<kbd>{text(key)}</kbd>' for key in names.split())}</dt><dd>{text(t(what))}</dd></div>"
        for names, what in keys
    )
    signs = "".join(
        f'<div><dt><span class="marker {verdict}"><span class="sign">{sign}</span> {text(t(f"verdict.{verdict}"))}'
        f"</span></dt><dd>{text(t(f'verdict_why.{verdict}'))}</dd></div>"
        for verdict, sign in SIGNS.items()
    )
    return _dialog(
        "help",
        t("help.title"),
        f'<section><h3>{text(t("help.keys"))}</h3><dl class="keys">{rows}</dl></section>'
        f'<section><h3>{text(t("help.signs"))}</h3><dl class="keys">{signs}</dl>'
        f'<p class="quiet">{text(t("help.more"))}</p></section>',
        t("help.close"),
    )


def _dialog(name: str, title: str, body: str, close: str) -> str:
    return (
        f'<div class="dialog-head"><h2 id="{name}-title">{text(title)}</h2>'
        f'<button type="button" class="quiet-button" data-do="close-dialog" aria-label="{text(close)}">{icon("close")}'
        f"</button></div>{body}"
    )

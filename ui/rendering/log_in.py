"""The log-in page: a form that needs no script."""

from __future__ import annotations

from importlib import resources

from ui.rendering.markup import site_icon, text
from ui.texts import Texts


def page(t: Texts, *, onward: str = "", name: str = "", why: str = "") -> str:
    """``onward`` is the query to go on to, ``why`` what was wrong with the last try."""
    styles = resources.files("ui") / "styles"
    style = "".join((styles / file).read_text(encoding="utf-8") for file in ("words.css", "log_in.css"))
    said = f'<p class="why" role="alert">{text(why)}</p>' if why else ""
    return (
        f'<!doctype html><html lang="{t.language}"><head><meta charset="utf-8">'
        f'{site_icon()}<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(t('log_in.title'))} · footnoted</title><style>{style}</style></head><body><main>"
        f'<h1 class="brand">footnoted</h1><form method="post" action="log-in"><h2>{text(t("log_in.title"))}</h2>{said}'
        f"<label>{text(t('log_in.name'))}"
        f'<input name="name" value="{text(name)}" autocomplete="username" required autofocus></label><label>'
        f'{text(t("log_in.password"))}<input name="password" type="password" '
        f'autocomplete="current-password" required></label><input type="hidden" name="next" value="{text(onward)}">'
        f'<button type="submit">{text(t("log_in.enter"))}</button></form></main></body></html>'
    )

"""What the page says, in each of its languages: one TOML file a language, the same keys in all.

A new language is a new file in this folder, named by its code; the page then offers it.
The values are plain text with ``{names}``; whoever puts one into markup escapes it.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

FALLBACK = "en"

_ISOLATED = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


class Texts:
    """The texts of one language.

    ``texts("chat.ask")`` is the text with this key; with ``n`` it is the form for that
    number, and ``{n}`` stands in it as the language writes numbers. Raises KeyError for a
    key or a name that is missing: that is a mistake in the code, and a test looks for it.
    """

    def __init__(self, language: str, values: Mapping[str, Any]) -> None:
        self.language = language
        self.name: str = values["language"]["name"]
        self._separator: str = values["language"]["thousands"]
        self._decimal: str = values["language"]["decimal"]
        self._values = dict(_flat("", values))

    def __call__(self, key: str, /, *, n: int | None = None, **names: object) -> str:
        value = self._values[key]
        if n is not None:
            value = value["one" if n == 1 else "other"] if isinstance(value, Mapping) else value
            names["n"] = self.number(n)
        return str(value).format_map({name: _isolated(given) for name, given in names.items()})

    def number(self, n: int) -> str:
        return f"{n:,}".replace(",", self._separator)

    def decimal(self, value: float, places: int) -> str:
        return f"{value:.{places}f}".replace(".", self._decimal)

    def keys(self) -> Mapping[str, Any]:
        """Every key with its value as it stands in the file."""
        return self._values


def _flat(prefix: str, values: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and set(value) != {"one", "other"}:
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value


def _isolated(value: object) -> str:
    """A name from outside must not turn the direction of the sentence around it."""
    said = str(value)
    return said if said.isascii() else f"{_ISOLATED[0]}{said}{_ISOLATED[1]}"


@functools.cache
def languages() -> Mapping[str, str]:
    """The name of each language by its code, in its own words."""
    found = (file.name.removesuffix(".toml") for file in resources.files(__name__).iterdir())
    codes = sorted(code for code in found if (resources.files(__name__) / f"{code}.toml").is_file())
    return {code: texts_in(code).name for code in codes}


@functools.cache
def texts_in(language: str) -> Texts:
    """Raises FileNotFoundError for a language that has no file."""
    written = (resources.files(__name__) / f"{language}.toml").read_text(encoding="utf-8")
    return Texts(language, tomllib.loads(written))


def texts_for(wanted: str) -> Texts:
    """The first language of a list like ``de-CH,de;q=0.9,en`` that there is; English if none is."""
    for one in wanted[:200].split(","):
        code = one.partition(";")[0].strip().partition("-")[0].lower()
        if code in languages():
            return texts_in(code)
    return texts_in(FALLBACK)

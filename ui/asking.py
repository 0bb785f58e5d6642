"""What a person asks for beside the question: the kind of work, and of which papers.

Comes in as JSON from the page, is kept with the turn, and goes to the core.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from rag.types import Kind
from ui.texts import Texts

MAX_CHOSEN = 500
"""Papers that can be chosen one by one; more are better told by a tag."""
_MAX_WORD_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Papers that meet every condition named; the default one lets all through, and is false."""

    from_year: int | None = None
    to_year: int | None = None
    """Both inclusive. A paper whose year is not known is in no range of years."""
    tag: str | None = None
    source: str | None = None
    """Is the name of a file or feed that the paper came from."""
    paper_ids: tuple[str, ...] = ()
    """Chosen one by one; empty means no choice."""

    def __bool__(self) -> bool:
        return self != Narrowing()

    def in_words(self, t: Texts) -> dict[str, str]:
        """Each condition for people, by the name under which it can be dropped."""
        words: dict[str, str] = {}
        if self.from_year is not None and self.from_year == self.to_year:
            words["years"] = t("ask.chip_year", year=self.from_year)
        elif self.from_year is not None and self.to_year is not None:
            words["years"] = t("ask.chip_years", from_year=self.from_year, to_year=self.to_year)
        elif self.from_year is not None:
            words["years"] = t("ask.chip_from", year=self.from_year)
        elif self.to_year is not None:
            words["years"] = t("ask.chip_to", year=self.to_year)
        if self.tag is not None:
            words["tag"] = t("ask.chip_tag", tag=self.tag)
        if self.source is not None:
            words["source"] = t("ask.chip_source", source=self.source)
        if self.paper_ids:
            words["paper_ids"] = t("ask.chip_chosen", n=len(self.paper_ids))
        return words

    def to_json(self) -> dict[str, Any]:
        """Only what is set."""
        values = {name: getattr(self, name) for name in ("from_year", "to_year", "tag", "source")}
        values["paper_ids"] = list(self.paper_ids) or None
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Request:
    kind: Kind | None = None
    """None: chosen from the question."""
    only: Narrowing = Narrowing()
    any_year: bool = False
    """Whatever years the question itself asks for."""

    def to_json(self) -> dict[str, Any]:
        more = {"any_year": True} if self.any_year else {}
        return {"kind": self.kind, "only": self.only.to_json(), **more}


def request_from_json(value: object) -> Request:
    """What the page sends, or what was kept; whatever in it is not understood counts as not said."""
    if not isinstance(value, Mapping):
        return Request()
    kind = value.get("kind")
    return Request(
        kind=kind if kind in get_args(Kind) and kind != "answer" else None,
        only=narrowing_from_json(value.get("only")),
        any_year=value.get("any_year") is True,
    )


def narrowing_from_json(value: object) -> Narrowing:
    if not isinstance(value, Mapping):
        return Narrowing()
    ids = value.get("paper_ids")
    chosen = [one for one in ids if isinstance(one, str)] if isinstance(ids, list | tuple) else []
    low, high = _year(value.get("from_year")), _year(value.get("to_year"))
    if low is not None and high is not None and low > high:
        low, high = high, low
    return Narrowing(low, high, _word(value.get("tag")), _word(value.get("source")), tuple(chosen[:MAX_CHOSEN]))


def _year(value: object) -> int | None:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value.strip()) <= 4:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 9999 else None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _MAX_WORD_CHARACTERS else None

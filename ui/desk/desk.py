"""The desk: everything a person can do here, over one core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ui.adding import Adding
from ui.conversations import Conversations
from ui.core import Core
from ui.desk.messages import Message
from ui.desk.shelving import Shelving
from ui.desk.talking import Talking
from ui.errors import Refused
from ui.people import Limits, Person
from ui.rendering import evidence, frame, library
from ui.rendering.markup import shortened, text
from ui.texts import Texts, languages, texts_for

_SCRIPT_TEXTS = {
    "copied": "turn.copied",
    "linked": "turn.linked",
    "no_copy": "turn.no_copy",
    "offline": "failed.offline",
    "online": "failed.online",
    "expired": "failed.expired",
    "log_in": "failed.log_in",
    "undo": "list.undo",
    "rename_of": "list.rename_of",
    "nothing": "ask.nothing",
    "uploading": "add.uploading",
    "failed": "add.failed",
    "broken_off": "add.broken_off",
    "close": "settings.close",
    "sentence": "evidence.back",
}
_SHORT_TITLE_CHARACTERS = 90


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """What a desk is set up for."""

    examples: tuple[str, ...] | None = None
    """Questions for the empty page, the last of them one without an answer; None: made from the papers."""
    read_only: bool = False
    limits: Limits = field(default_factory=Limits)
    n_workers: int = 2
    """Questions that are answered at the same time; the others wait their turn."""


class Desk:
    """One for all people. Every method may be called from any thread."""

    def __init__(self, core: Core, conversations: Conversations, settings: DeskSettings) -> None:
        self.core = core
        self.settings = settings
        self.conversations = conversations
        self.adding = Adding(core)
        self.talking = Talking(
            core, conversations, settings.limits, self.examples, self.place, n_workers=settings.n_workers
        )
        self.shelving = Shelving(core, self.adding, settings.limits, self.place, read_only=settings.read_only)
        self._does: dict[str, Callable[[Person, Mapping[str, Any], Texts], Message]] = {
            "arrive": self.arrive,
            **self.talking.does(),
            **self.shelving.does(),
        }

    def close(self) -> None:
        self.adding.close()
        self.talking.close()

    def place(self, person: Person) -> frame.Place:
        """What the top line says to ``person``."""
        return frame.Place(
            library=self.core.name,
            n_papers=self.core.n_papers(),
            model=self.core.model,
            model_host=self.core.model_host,
            kinds=self.core.kinds,
            read_only=self.settings.read_only,
            person=person.name,
            n_adding=sum(not file.is_over for file in self.adding.files(person.person_id)),
        )

    def act(self, person: Person, asked: Mapping[str, Any]) -> Message:
        """Do what ``asked["do"]`` names, in the language that it names. Raises Refused, and what the core raises."""
        t = language_of(asked)
        do = self._does.get(str(asked.get("do")))
        if do is None:
            raise Refused(t("failed.refused", cause=str(asked.get("do"))[:40]))
        return do(person, asked, t)

    def arrive(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        """The whole page, with the conversation that its address names, if it is this person's."""
        place = self.place(person)
        message = self.talking.open(person, asked, t)
        message["inner"] |= {
            "top": frame.masthead(place, t),
            "list-head": frame.list_head(t),
            "list-foot": frame.list_foot(t),
            "settings": frame.settings(place, languages(), t),
            "help": frame.help_sheet(t),
            "library-head": library.head(t, read_only=place.read_only),
            "evidence-head": evidence.head(t),
            "filter-place": frame.filter_button(t),
            "verified-place": frame.verified_switch(t),
            "hint": text(t("ask.hint")),
        }
        message["language"] = t.language
        message["texts"] = {name: str(t.keys()[key]) for name, key in _SCRIPT_TEXTS.items()}
        message["adding"] = place.n_adding
        return message

    def examples(self, t: Texts) -> tuple[str, ...]:
        """Questions for the empty page: those it was set up with, or three about its papers and an impossible one."""
        if self.settings.examples is not None:
            return self.settings.examples
        rows = [row for row in self.core.shelf().rows if row.has_abstract]
        if not rows:
            return ()
        chosen = dict.fromkeys((rows[0], rows[len(rows) // 2], rows[-1]))
        asked = [t("welcome.about", title=shortened(row.title, _SHORT_TITLE_CHARACTERS)) for row in chosen]
        return (*asked, t("welcome.impossible_example"))


def language_of(asked: Mapping[str, Any]) -> Texts:
    return texts_for(str(asked.get("language") or ""))

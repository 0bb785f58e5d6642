"""The library in the page: papers found, filed, taken out and put back, files brought in, and the map."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from rag.errors import UnknownPaper
from rag.types import Paper
from ui.adding import Adding
from ui.asking import narrowing_from_json
from ui.core import Core, Row, Shelf, narrowed
from ui.desk.messages import Message
from ui.errors import Refused
from ui.map import MAX_POINTS, Map, draw
from ui.people import Limits, Person
from ui.rendering import frame, library, plots
from ui.texts import Texts

Does = Callable[[Person, Mapping[str, Any], Texts], Message]

MAX_UNDONE = 20
"""Removals that can still be undone, of all people together."""
MAX_AT_ONCE = 500
"""Papers that one click removes or tags."""


class Shelving:
    """Every method may be called from any thread."""

    def __init__(
        self,
        core: Core,
        adding: Adding,
        limits: Limits,
        place: Callable[[Person], frame.Place],
        *,
        read_only: bool,
    ) -> None:
        self._core = core
        self._adding = adding
        self._limits = limits
        self._place = place
        self._read_only = read_only
        self._lock = threading.Lock()
        self._removed: OrderedDict[str, tuple[str, tuple[Paper, ...], dict[str, tuple[str, ...]]]] = OrderedDict()
        self._map: tuple[int, Map | None] | None = None
        self._drawing = threading.Lock()

    def does(self) -> dict[str, Does]:
        return {
            "library": self.library,
            "papers": self.papers,
            "remove": self.remove,
            "restore": self.restore,
            "tag": self.tag,
            "files": self.files,
            "cancel_file": self.cancel_file,
            "dismiss_files": self.dismiss_files,
            "map": self.map,
            "region": self.region,
            "filter": self.filter,
            "narrow": self.narrow,
        }

    def check_may_change(self, t: Texts) -> None:
        """Raises Refused where the library is read-only."""
        if self._read_only:
            raise Refused(t("failed.read_only"))

    # -- papers

    def library(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        """The three tabs as they are opened."""
        shelf = self._core.shelf()
        message = self.papers(person, asked, t)
        message["inner"] |= {
            "library-tools": library.tools(shelf, t),
            "library-drop": "" if self._read_only else library.drop_zone(t, self._limits.upload_size),
            "library-statistics": plots.statistics(shelf, t),
        }
        message["inner"] |= self.files(person, asked, t)["inner"]
        return message

    def papers(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        """One page of the papers that fit ``asked["search"]``, year, tag and source."""
        shelf = self._core.shelf()
        found = self._found(shelf, asked)
        first = min(_number(asked.get("first")), max(0, len(found) - 1))
        first -= first % library.PAGE_ROWS
        rows = found[first : first + library.PAGE_ROWS]
        shown = library.paper_list(
            rows,
            self._core.papers([row.paper_id for row in rows]),
            t,
            first=first,
            n_all=len(found),
            n_held=len(shelf.rows),
            read_only=self._read_only,
            kinds=self._core.kinds,
        )
        return {"inner": {"library-list": shown}}

    def _found(self, shelf: Shelf, asked: Mapping[str, Any]) -> list[Row]:
        words = str(asked.get("search") or "").casefold().split()[:20]
        year = asked.get("year")
        only = narrowing_from_json({**asked, "from_year": year, "to_year": year, "paper_ids": None})
        fits = narrowed(shelf, only) if only else None
        return [
            row
            for row in shelf.rows
            if (fits is None or row.paper_id in fits) and all(word in row.words for word in words)
        ]

    def remove(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        """Take papers out; the message says how that is undone."""
        self.check_may_change(t)
        wanted = _ids(asked)
        tags = {row.paper_id: row.tags for row in self._core.shelf().rows if row.paper_id in wanted}
        try:
            removed = self._core.remove(wanted)
        except UnknownPaper:
            # Another tab was faster with some of them.
            removed = self._core.remove([one for one in wanted if one in self._core.papers(wanted)])
        token = secrets.token_urlsafe(9)
        with self._lock:
            self._removed[token] = (person.person_id, removed, tags)
            while len(self._removed) > MAX_UNDONE:
                self._removed.popitem(last=False)
        message = self._changed(person, asked, t)
        message["toast"] = t("library.removed", n=len(removed))
        if removed:
            message["undo"] = {"do": "restore", "token": token}
        return message

    def restore(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        self.check_may_change(t)
        with self._lock:
            known = self._removed.get(str(asked.get("token")))
            if known is None or known[0] != person.person_id:
                raise Refused(t("failed.gone"))
            _, papers, tags = self._removed.pop(str(asked.get("token")))
        self._core.add(papers, on_progress=lambda report: None, cancelled=threading.Event())
        for paper_id, own in tags.items():
            for tag in own:
                self._core.tag([paper_id], tag)
        message = self._changed(person, asked, t)
        message["toast"] = t("library.restored", n=len(papers))
        return message

    def tag(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        """Give papers ``asked["tag"]``, or with ``asked["untag"]`` take it off."""
        self.check_may_change(t)
        n_changed = self._core.tag(_ids(asked), str(asked.get("tag") or ""), remove=bool(asked.get("untag")))
        message = self._changed(person, asked, t)
        if not asked.get("untag"):
            message["toast"] = t("library.tagged", n=n_changed)
        return message

    def _changed(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        """What shows the papers, after a change."""
        view = asked.get("view")
        message = self.papers(person, view if isinstance(view, Mapping) else {}, t)
        shelf = self._core.shelf()
        message["inner"] |= {
            "top": frame.masthead(self._place(person), t),
            "library-tools": library.tools(shelf, t),
            "library-statistics": plots.statistics(shelf, t),
        }
        return message

    # -- files

    def files(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        """The files that this person brought, and the top line, which counts them."""
        coming = self._adding.files(person.person_id)
        return {
            "inner": {"library-files": library.files(coming, t), "top": frame.masthead(self._place(person), t)},
            "adding": sum(not file.is_over for file in coming),
        }

    def cancel_file(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        self._adding.cancel(_number(asked.get("file")), person.person_id)
        return self.files(person, asked, t)

    def dismiss_files(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        self._adding.dismiss(person.person_id)
        return self.files(person, asked, t)

    # -- the map

    def map(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        return {"inner": {"map": plots.topics(self._drawn(), t)}}

    def region(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        """Ask the papers of a region from now on."""
        drawn = self._drawn()
        number = _number(asked.get("region"))
        if drawn is None or number >= len(drawn.regions):
            raise Refused(t("failed.gone"))
        return self.narrow(person, {"only": {"paper_ids": list(drawn.regions[number].paper_ids)}}, t)

    def _drawn(self) -> Map | None:
        """The map of the papers as they are; drawn once for each state of the library."""
        with self._drawing:
            revision = self._core.revision()
            if self._map is None or self._map[0] != revision:
                n_papers = self._core.n_papers()
                drawn = draw(*self._core.vectors(MAX_POINTS), n_papers) if n_papers else None
                self._map = (revision, drawn)
            return self._map[1]

    # -- asking some papers only

    def filter(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        """The form in which papers are chosen by year, tag and source."""
        shelf = self._core.shelf()
        only = narrowing_from_json(asked.get("only"))
        form = frame.filter_form(shelf.tags(), shelf.sources(), shelf.years(), only, t)
        return {"inner": {"filter": form}}

    def narrow(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        """The chips of the papers asked from now on; ``asked["drop"]`` names a condition to leave out."""
        only = narrowing_from_json(asked.get("only"))
        values = only.to_json()
        dropped = str(asked.get("drop") or "")
        for name in ("from_year", "to_year") if dropped == "years" else (dropped,):
            values.pop(name, None)
        only = narrowing_from_json(values)
        return {"inner": {"chips": frame.chips(only.in_words(t), t)}, "only": only.to_json()}


def _ids(asked: Mapping[str, Any]) -> list[str]:
    given = asked.get("paper_ids")
    return [one for one in given if isinstance(one, str)][:MAX_AT_ONCE] if isinstance(given, list) else []


def _number(value: object) -> int:
    try:
        return max(0, min(int(str(value)), 10_000_000))
    except ValueError:
        return 0

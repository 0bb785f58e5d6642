"""Conversations: asked, watched, stopped, found again, renamed, thrown away, and judged by their readers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from threading import RLock
from typing import Any

from rag.types import Answer
from ui.asking import Request, request_from_json
from ui.conversations import Conversations, KeptTurn, Mark
from ui.core import Core
from ui.desk.messages import Message
from ui.errors import Refused
from ui.people import Hourly, Limits, Person
from ui.progress import Progress, history, stopped
from ui.rendering import evidence, frame, turns
from ui.rendering.markup import shortened, text
from ui.runs import Run, Workers, interrupted
from ui.texts import Texts

MAX_QUESTION_CHARACTERS = 4_000
_MARKS: dict[str, Mark] = {"up": "up", "down": "down", "wrong_citation": "wrong_citation"}

Does = Callable[[Person, Mapping[str, Any], Texts], Message]


class Talking:
    """The conversations of all people; every method may be called from any thread."""

    def __init__(
        self,
        core: Core,
        conversations: Conversations,
        limits: Limits,
        examples: Callable[[Texts], Sequence[str]],
        place: Callable[[Person], frame.Place],
        *,
        n_workers: int,
    ) -> None:
        self._core = core
        self._kept = conversations
        self._limits = limits
        self._hourly = Hourly(limits.questions_per_hour)
        self._examples = examples
        self._place = place
        self._workers = Workers(n_workers)
        self._lock = RLock()
        self._runs: dict[str, tuple[Run, Person]] = {}
        self._waiting: list[Run] = []

    def does(self) -> dict[str, Does]:
        return {
            "open": self.open,
            "list": self.list,
            "rename": self.rename,
            "delete": self.delete,
            "bring_back": self.bring_back,
            "stop": self.stop,
            "mark": self.mark,
        }

    def close(self) -> None:
        with self._lock:
            runs = [run for run, _ in self._runs.values()]
        for run in runs:
            run.stopping.set()
        self._workers.close()

    # -- asking

    def ask(self, person: Person, asked: Mapping[str, Any], question: str, t: Texts) -> tuple[Run, Message]:
        """Begin to answer ``question``, or with ``asked["retry"]`` the last one again, and what the page shows at once.

        ``asked["conversation"]`` names the conversation; without one there will be a new one.
        Raises Refused.
        """
        question = question.strip()[:MAX_QUESTION_CHARACTERS]
        conversation_id = _id(asked)
        with self._lock:
            kept = self._turns(person, conversation_id, t) if conversation_id else ()
            if conversation_id and self._under_way(conversation_id):
                raise Refused(t("failed.busy", n=1))
            if asked.get("retry") and kept:
                *before, again = kept
                question, request = again.question, request_from_json(again.request)
            else:
                before, request = list(kept), request_from_json(asked.get("request"))
            if not question:
                raise Refused(t("ask.nothing"))
            self._check_limits(person, t)
            if not conversation_id:
                conversation_id = self._kept.new(person.person_id)
            number = len(before) + 1
            so_far = interrupted(stopped(Progress(question), self._core.model, 0.0), t)
            self._kept.begin(conversation_id, number, question, request.to_json(), so_far)
            run = self._begin(person, conversation_id, number, question, request, before, t)
        message: Message = {
            "conversation": conversation_id,
            "outer": {**self._pictures(run, run.progress, t)},
            "inner": {"list": self._list(person, conversation_id, t)},
            "busy": True,
            "title": self._title(person, conversation_id, t),
        }
        return run, message

    def _begin(
        self,
        person: Person,
        conversation_id: str,
        number: int,
        question: str,
        request: Request,
        before: Sequence[KeptTurn],
        t: Texts,
    ) -> Run:
        def save(answer: Answer, is_over: bool) -> None:
            self._kept.save(conversation_id, number, answer, is_over=is_over)

        run = Run(
            conversation_id,
            number,
            question,
            model=self._core.model,
            save=save,
            within=", ".join(request.only.in_words(t).values()),
            t=t,
        )
        said = history(turn.answer for turn in before if turn.answer is not None)

        def work() -> None:
            with self._lock:
                self._waiting.remove(run)
            run.work(lambda stop: self._core.ask(question, said, request, stop))
            with self._lock:
                if self._runs.get(conversation_id, (None,))[0] is run:
                    del self._runs[conversation_id]

        self._runs[conversation_id] = (run, person)
        self._waiting.append(run)
        self._workers.submit(work)
        return run

    def _check_limits(self, person: Person, t: Texts) -> None:
        mine = sum(owner == person and not run.over.is_set() for run, owner in self._runs.values())
        if mine >= self._limits.questions_at_once:
            raise Refused(t("failed.busy", n=mine))
        if len(self._waiting) >= self._limits.waiting_questions:
            raise Refused(t("failed.full"))
        seconds = self._hourly.take(person.person_id)
        if seconds is not None:
            assert self._limits.questions_per_hour is not None
            raise Refused(t("failed.too_many", n=self._limits.questions_per_hour, minutes=int(seconds // 60) + 1))

    def under_way(self, person: Person, asked: Mapping[str, Any]) -> Run | None:
        """The run of the conversation that ``asked`` names, if it is this person's and not over."""
        conversation_id = _id(asked)
        if not conversation_id or not self._kept.holds(person.person_id, conversation_id):
            return None
        return self._under_way(conversation_id)

    def _under_way(self, conversation_id: str) -> Run | None:
        with self._lock:
            run = self._runs.get(conversation_id, (None,))[0]
        return run if run is not None and not run.over.is_set() else None

    async def follow(self, person: Person, run: Run, t: Texts) -> AsyncIterator[Message]:
        """How the answer goes on, until it is there."""
        shown: Progress | None = None
        async for progress in run.watch():
            if progress.answer is None:
                yield {
                    "conversation": run.conversation_id,
                    "outer": self._pictures(run, progress, t, shown),
                    "busy": True,
                    "status": turns.status(progress, t, before=self._n_before(run)),
                }
                shown = progress
            elif shown is None or shown.answer is None or run.over.is_set():
                shown = progress
                yield self._finished(person, run, progress, t)

    def _finished(self, person: Person, run: Run, progress: Progress, t: Texts) -> Message:
        message: Message = {
            "conversation": run.conversation_id,
            "outer": self._pictures(run, progress, t),
            "inner": {"list": self._list(person, run.conversation_id, t)},
            "busy": False,
            "status": "",
            "say": turns.status(progress, t),
        }
        if run.not_saved:
            message["error"] = t("failed.not_saved", cause=run.not_saved)
        return message

    def _n_before(self, run: Run) -> int:
        with self._lock:
            return self._waiting.index(run) if run in self._waiting else 0

    def _pictures(self, run: Run, progress: Progress, t: Texts, shown: Progress | None = None) -> dict[str, str]:
        """The turn, and its evidence where that differs from what is ``shown``."""
        number = run.number
        if progress.answer is not None:
            picture = turns.turn(number, progress.answer, t, within=run.within)
        else:
            picture = turns.under_way(number, progress, t, before=self._n_before(run), within=run.within)
        pictures = {f"turn-{number}": picture}
        if (
            shown is None
            or progress.answer is not None
            or (progress.sources, progress.claims) != (shown.sources, shown.claims)
        ):
            pictures[f"evidence-{number}"] = evidence.group(
                number, progress.question, progress.sources, t, claims=progress.claims, answer=progress.answer
            )
        return pictures

    def stop(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        run = self.under_way(person, asked)
        if run is not None:
            run.stop()
            return self._finished(person, run, run.progress, t)
        return {}

    # -- conversations

    def open(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        """The conversation that ``asked`` names, or the empty page; one that is not there says so."""
        place = self._place(person)
        conversation_id = _id(asked) or None
        message: Message = {"busy": False, "status": "", "follow": False}
        about = self._kept.about(person.person_id, conversation_id) if conversation_id else None
        if conversation_id and about is None:
            message["error"] = t("failed.gone")
            conversation_id = None
        kept = self._kept.turns(person.person_id, conversation_id) if conversation_id else ()
        run = self._under_way(conversation_id) if conversation_id else None
        note = f'<p class="note">{text(t("turn.imported"))}</p>' if about is not None and about.imported else ""
        if conversation_id and kept:
            shown, found = self._whole(conversation_id, kept, run, t)
        else:
            shown, found = frame.welcome(place, self._examples(t), t), evidence.nothing_yet(t)
        message["conversation"] = conversation_id
        message["busy"] = message["follow"] = run is not None
        message["title"] = about.title if about is not None else ""
        message["inner"] = {
            "turns": note + shown,
            "evidence-groups": found,
            "list": self._list(person, conversation_id, t),
            "kinds": frame.kinds(place, t),
        }
        message["question"] = {
            "label": t("ask.label"),
            "placeholder": t("ask.placeholder" if place.n_papers else "ask.placeholder_empty"),
            "enabled": place.n_papers > 0,
            "ask": t("ask.ask"),
            "stop": t("ask.stop"),
        }
        return message

    def _whole(self, conversation_id: str, kept: Sequence[KeptTurn], run: Run | None, t: Texts) -> tuple[str, str]:
        """All turns, and their evidence, the newest first."""
        marks = self._kept.marks(conversation_id)
        shown, found = [], []
        for turn in kept:
            if run is not None and turn.number == run.number:
                pictures = self._pictures(run, run.progress, t)
            else:
                pictures = _kept_pictures(turn, marks.get(turn.number, []), t)
            shown.append(pictures.get(f"turn-{turn.number}", ""))
            found.append(pictures.get(f"evidence-{turn.number}", ""))
        return "".join(shown), "".join(reversed(found))

    def list(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        """The list, of those that say ``asked["search"]`` if there is such."""
        search = str(asked.get("search") or "")[:200]
        return {"inner": {"list": self._list(person, _id(asked), t, search)}}

    def _list(self, person: Person, current: str | None, t: Texts, search: str = "") -> str:
        listed = self._kept.listed(person.person_id, search)
        return frame.conversation_list(listed, current, t, searched=bool(search.strip()))

    def rename(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        title = str(asked.get("title") or "")
        if title.strip() and not self._kept.rename(person.person_id, str(asked.get("id")), title):
            raise Refused(t("failed.gone"))
        message = self.list(person, asked, t)
        if str(asked.get("id")) == _id(asked):
            message["title"] = self._title(person, _id(asked), t)
        return message

    def delete(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        own = str(asked.get("id"))
        about = self._kept.about(person.person_id, own)
        if about is None:
            raise Refused(t("failed.gone"))
        if run := self._under_way(own):
            run.stop()
        self._kept.delete(person.person_id, own)
        is_open = own == _id(asked)
        message = self.open(person, {}, t) if is_open else self.list(person, asked, t)
        message["toast"] = t("list.deleted", title=shortened(about.title or t("list.untitled")))
        message["undo"] = {"do": "bring_back", "id": own, "reopen": is_open}
        return message

    def bring_back(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        own = str(asked.get("id"))
        if not self._kept.bring_back(person.person_id, own):
            raise Refused(t("failed.gone"))
        return self.open(person, {"conversation": own}, t) if asked.get("reopen") else self.list(person, asked, t)

    # -- what readers think

    def mark(self, person: Person, asked: Mapping[str, Any], t: Texts) -> Message:
        """Note that an answer is good or bad, or a citation wrong; the same again takes it back."""
        conversation_id, mark = _id(asked), _MARKS.get(str(asked.get("mark")))
        number, position, place = (_number(asked.get(name)) for name in ("turn", "position", "place"))
        kept = {turn.number: turn for turn in self._turns(person, conversation_id, t)}
        turn = kept.get(number)
        if mark is None or turn is None or turn.answer is None:
            raise Refused(t("failed.gone"))
        is_there = self._kept.mark(conversation_id, number, mark, turn.answer, position=position, place=place)
        marks = self._kept.marks(conversation_id).get(number, [])
        return {
            "conversation": conversation_id,
            "outer": _kept_pictures(turn, marks, t),
            "toast": t("turn.marked" if is_there else "turn.unmarked"),
        }

    # -- inside

    def _turns(self, person: Person, conversation_id: str, t: Texts) -> tuple[KeptTurn, ...]:
        """Raises Refused for a conversation that is not this person's."""
        if not self._kept.holds(person.person_id, conversation_id):
            raise Refused(t("failed.gone"))
        return self._kept.turns(person.person_id, conversation_id)

    def _title(self, person: Person, conversation_id: str, t: Texts) -> str:
        about = self._kept.about(person.person_id, conversation_id)
        return about.title if about is not None else ""


def _kept_pictures(turn: KeptTurn, marks: Sequence[tuple[int, int, str]], t: Texts) -> dict[str, str]:
    """A finished turn and its evidence, with what its reader marked in it."""
    if turn.answer is None:
        return {}
    within = ", ".join(request_from_json(turn.request).only.in_words(t).values())
    thumbs = [mark for position, _, mark in marks if position == 0]
    wrong = frozenset((position, place) for position, place, mark in marks if mark == "wrong_citation")
    shown = turns.turn(turn.number, turn.answer, t, within=within, marks=thumbs)
    found = evidence.group(turn.number, turn.question, turn.answer.sources, t, answer=turn.answer, wrong=wrong)
    return {f"turn-{turn.number}": shown, f"evidence-{turn.number}": found}


def _id(asked: Mapping[str, Any]) -> str:
    value = asked.get("conversation")
    return value[:64] if isinstance(value, str) else ""


def _number(value: object) -> int:
    try:
        return max(0, min(int(str(value)), 1_000_000))
    except ValueError:
        return 0

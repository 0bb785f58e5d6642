"""A core for the page whose answers are written down here, over a real library; papers and answers for tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hashing import HashingEmbedder

from rag.config import Config
from rag.errors import ModelUnreachable
from rag.types import (
    Answer,
    Checked,
    Chunk,
    Citation,
    Claim,
    Event,
    Finished,
    Found,
    Hit,
    Kind,
    Origin,
    Paper,
    Searching,
    Source,
    Span,
    Table,
    Timings,
    Turn,
    Wrote,
)
from ui.asking import Request
from ui.conversations import Conversations
from ui.desk.desk import Desk, DeskSettings
from ui.library_port import LibraryPort

NETWORK = Paper(
    "p1",
    "FBLNet: A feedback loop network for driver attention prediction",
    "The problem of predicting driver attention from the driving perspective is gaining increasing research focus. "
    "However, existing methods omit experience. "
    "We propose a FeedBack Loop Network (FBLNet), which attempts to model the driving experience accumulation "
    "procedure. Through over-and-over iterations, FBLNet generates the incremental knowledge that carries rich "
    "historically-accumulative long-term temporal information. "
    "Our model exhibits a solid advantage over existing methods on two benchmarks.",
    ("Y. Chen", "Z. Nan", "T. Xiang"),
    2022,
    "ICCV",
    "https://example.org/fblnet",
    origin="drivers.bib",
)
FLOOD = Paper(
    "p2",
    "Flood extent mapping from radar with few labels",
    "Mapping floods needs labels that are rarely at hand. We train on 120 labelled scenes and reach an F1 of 0.84. "
    "With 1,000 scenes the score rises to 0.91.",
    ("A. Okafor",),
    2023,
    origin="floods.ris",
)
WHALES = Paper(
    "p3",
    "Counting whales by their songs",
    "Blue whales sing at 17 Hz. Counts from songs agree with sightings.",
    origin="floods.ris",
)
PAPERS = (NETWORK, FLOOD, WHALES)


def source(number: int, paper: Paper) -> Source:
    whole = Span(0, max(len(paper.abstract), 1))
    chunk = Chunk(f"{paper.paper_id}-0", paper.paper_id, 0, whole, (whole,), 50)
    origins = (Origin("dense", number, 0.7 - number / 10), Origin("lexical", number, 9.0 - number))
    return Source(number, Hit(paper, chunk, 1.0 / number, origins), (whole,))


def cite(number: int, paper: Paper, quote: str, **more: Any) -> Citation:
    start = paper.abstract.index(quote)
    span = Span(start, start + len(quote))
    return Citation(number, paper.paper_id, paper.title, f"{paper.paper_id}-0", span, quote, **more)


EXPERIENCE = (
    "We propose a FeedBack Loop Network (FBLNet), which attempts to model "
    "the driving experience accumulation procedure."
)
ADVANTAGE = "Our model exhibits a solid advantage over existing methods on two benchmarks."
SCORE = "We train on 120 labelled scenes and reach an F1 of 0.84."
SONG = "Blue whales sing at 17 Hz."
SOURCES = (source(1, NETWORK), source(2, FLOOD), source(3, WHALES))

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> <form action=https://evil.example/><button>b</button></form>"
    "<style>*{display:none}</style><a href=https://evil.example/>a</a> **bold** [link](https://evil.example/) [7] "
    "\u202eright to left ${alert(3)} {{constructor}} {title} </details></main></script> & 'quoted' \"twice\" "
)


def answered(question: str, claims: Sequence[Claim], model: str | None = None, **more: Any) -> Answer:
    text = " ".join(c.text + "".join(f"[{k.number}]" for k in c.citations) for c in claims)
    values: dict[str, Any] = {"sources": SOURCES, "model": model, "timings": Timings(0.1, 0.1, 0.1)}
    return Answer(question, question, "answered", text, tuple(claims), **(values | more))


QUOTES = (
    Claim(EXPERIENCE, (cite(1, NETWORK, EXPERIENCE),), "supported", ("quoted letter for letter",), True),
    Claim(ADVANTAGE, (cite(1, NETWORK, ADVANTAGE),), "supported", ("quoted letter for letter",), True),
    Claim(SCORE, (cite(2, FLOOD, SCORE),), "supported", ("quoted letter for letter",), True),
)
PROSE = (
    Claim(
        "FBLNet models how drivers gather experience.",
        (cite(1, NETWORK, EXPERIENCE),),
        "supported",
        ("all of it is stated",),
        probability=0.97,
    ),
    Claim(
        "It beats existing methods on three benchmarks.",
        (cite(1, NETWORK, ADVANTAGE),),
        "contradicted",
        ("the abstract says two benchmarks, not three",),
        missing=("three",),
    ),
    Claim(
        "Flood maps reach an F1 of 0.84 in every region.",
        (cite(2, FLOOD, SCORE),),
        "partial",
        ("'every region' is not stated",),
    ),
    Claim(
        "Blue whales sing at 17 Hz near the coast.",
        (cite(2, FLOOD, SCORE),),
        "unsupported",
        ("what is cited speaks of something else",),
        missing=("whales", "coast"),
        elsewhere=cite(0, WHALES, SONG),
    ),
    Claim("Labels are cheap.", (Citation(9, None),), "unsupported", ("there is no source 9",)),
    Claim("This matters for safety.", (), "uncited"),
    Claim("Whales were not asked.", (Citation(3, "p3", WHALES.title),), "unchecked", ("no check was configured",)),
)
COMPARED = (
    Claim("Models driving experience.", (cite(1, NETWORK, EXPERIENCE),), "supported"),
    Claim("Learns from few labels.", (cite(2, FLOOD, SCORE),), "partial", ("'few' is not a number",)),
    Claim("A solid advantage on two benchmarks.", (cite(1, NETWORK, ADVANTAGE),), "supported"),
)
TABLE = Table(("question", "method", "result"), ("p1", "p2"), ((0, 1), (None, None), (2, None)))


def streamed(
    answer: Answer, pause_seconds: float = 0.0, held: Callable[[str], None] = lambda step: None
) -> Iterator[Event]:
    """The events of a whole answer; ``held`` may wait at the steps 'searching', 'found' and 'wrote'."""
    yield Searching(answer.standalone_question, 62)
    held("searching")
    yield Found(answer.sources)
    held("found")
    text = ""
    for index, claim in enumerate(answer.claims):
        for word in claim.text.split():
            text += word + " "
            yield Wrote(text)
            time.sleep(pause_seconds)
        text = text.rstrip() + "".join(f"[{c.number}]" for c in claim.citations) + " "
        yield Wrote(text)
        if index == 0:
            held("wrote")
        yield Checked(index, claim)
    yield Finished(answer)


class ScriptedCore(LibraryPort):
    """The real library, and an ``ask`` that plays what is written for a question and remembers what it was asked."""

    def __init__(self, folder: Path, *, papers: Sequence[Paper] = PAPERS) -> None:
        super().__init__(Config(folder / "seed"), embedder=HashingEmbedder(), model=None)
        if papers:
            self.library().add(papers)
        self.asked: list[tuple[str, tuple[Turn, ...]]] = []
        self.requests: list[Request] = []
        self.closed: list[str] = []
        self.gates = {step: threading.Event() for step in ("searching", "found", "wrote")}
        self.failures_left = 0
        self.kinds: tuple[Kind, ...] = ("answer", "summary", "comparison")
        self.plays: dict[str, Callable[[str], Iterator[Event]]] = {
            "prose": lambda q: streamed(answered(q, PROSE, "some-model", notes=("one sentence was cut",))),
            "held": lambda q: streamed(answered(q, PROSE), held=self.wait_at),
            "slow": lambda q: streamed(answered(q, PROSE), pause_seconds=0.2),
            "fails": self._fails,
            "bug": self._bug,
            "silent": self._silent,
            "empty": lambda q: _ends(Answer(q, q, "empty", "", (), SOURCES, "some-model")),
            "pineapple": lambda q: _ends(
                Answer(q, q, "abstained", "None of them speaks of pineapples.", (), SOURCES, None, "not_stated")
            ),
            "compare": lambda q: streamed(answered(q, COMPARED, kind="comparison", table=TABLE)),
            "hostile": _hostile,
        }

    def ask(self, question: str, history: Sequence[Turn], request: Request, stop: threading.Event) -> Iterator[Event]:
        self.asked.append((question, tuple(history)))
        self.requests.append(request)
        play = next((play for word, play in self.plays.items() if word in question.lower()), None)
        try:
            yield from play(question) if play else streamed(answered(question, QUOTES))
        finally:
            self.closed.append(question)

    def wait_at(self, step: str) -> None:
        self.gates[step].wait(30)

    def _fails(self, question: str) -> Iterator[Event]:
        yield Searching(question, 62)
        yield Found(SOURCES)
        if self.failures_left > 0:
            self.failures_left -= 1
            raise ModelUnreachable("nothing listens at localhost:8080: is the server running?")
        yield Finished(answered(question, QUOTES))

    def _bug(self, question: str) -> Iterator[Event]:
        yield Searching(question, 62)
        raise KeyError("a mistake in the code")

    def _silent(self, question: str) -> Iterator[Event]:
        yield Searching(question, 62)
        yield Found(SOURCES)
        self.wait_at("found")
        yield Finished(answered(question, QUOTES))


def _ends(answer: Answer) -> Iterator[Event]:
    yield Searching(answer.question, 62)
    yield Found(answer.sources)
    yield Finished(answer)


HOSTILE_PAPER = Paper(
    "<p>'\"", HOSTILE, f"Fine. {HOSTILE} It ends.", (HOSTILE,), 2020, HOSTILE, "javascript:alert(1)", origin=HOSTILE
)


def _hostile(question: str) -> Iterator[Event]:
    cited = cite(1, HOSTILE_PAPER, HOSTILE)
    claims = (
        Claim(HOSTILE, (cited,), "supported", (HOSTILE,)),
        Claim(HOSTILE, (cited,), "supported", (HOSTILE,), True),
        Claim(HOSTILE, (cited,), "unsupported", (HOSTILE,), missing=(HOSTILE,), elsewhere=cited),
    )
    table = Table((HOSTILE,), (HOSTILE_PAPER.paper_id,), ((0,),))
    more: dict[str, Any] = {"table": table} if "table" in question else {}
    answer = Answer(
        question,
        HOSTILE,
        "answered",
        HOSTILE,
        claims,
        (source(1, HOSTILE_PAPER),),
        HOSTILE,
        notes=(HOSTILE,),
        **more,
    )
    return streamed(answer)


EXAMPLES = (
    "What does FBLNet do about driving experience?",
    "How many labelled scenes does flood mapping need?",
    "At what frequency do blue whales sing?",
    "What does a pineapple cost?",
)


def desk_over(folder: Path, *, papers: Sequence[Paper] = PAPERS, **settings: Any) -> tuple[Desk, ScriptedCore]:
    """A desk whose conversations lie in ``folder``, over a scripted core; the same folder gives the same ones."""
    conversations = Conversations(folder / "conversations.sqlite3")
    core = ScriptedCore(folder, papers=papers)
    values: dict[str, Any] = {"examples": EXAMPLES if papers else None, "n_workers": 4}
    return Desk(core, conversations, DeskSettings(**(values | settings))), core

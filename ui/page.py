"""The page: its parts, and what happens on Ask, Stop, Retry and New conversation.

The core is passed in as ``ask``; what the page knows of a conversation is one tuple of
answers in the tab's state, so two tabs share nothing.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

# gradio and huggingface_hub read these while they are imported, and look outside without them.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"
# After every event gradio would build a pandas table of all events, for a dashboard that is off here.
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = "1000000000"

import gradio as gr

from rag.types import Answer, Event, Turn
from ui import rendering
from ui.progress import Progress, advance, broken, history, stopped
from ui.rendering import LibraryInfo
from ui.running import Broken, End, Stopped, batches

AskStream = Callable[[str, Sequence[Turn]], Iterator[Event]]
"""``ask(question, history)``; closing the iterator stops the work behind it."""

MAX_QUESTION_CHARACTERS = 4_000
MAX_SECONDS_TO_END = 3.0
"""How long a new conversation waits for an answer under way to end; it takes half a second at most."""

CONCURRENT_QUESTIONS = 8
"""Tabs that may be answered at once; each waits mostly for a model."""

Changes = dict[Any, Any]
"""New values by component, as gradio takes them; what is not named stays as it is."""


@dataclass(slots=True)
class _Run:
    """The question that a tab is being answered."""

    stop: threading.Event = field(default_factory=threading.Event)
    unwanted: bool = False
    """True when its conversation was thrown away: it shows and remembers nothing more."""
    over: threading.Event = field(default_factory=threading.Event)
    """Set when it shows nothing more."""


def build(ask: AskStream, library_info: LibraryInfo, examples: Sequence[str]) -> gr.Blocks:
    """The page over ``ask``. The last of several ``examples`` is one the abstracts do not answer."""
    running: dict[str, _Run] = {}  # by browser tab
    has_papers = library_info.n_papers > 0

    page = gr.Blocks(title="footnoted", analytics_enabled=False, fill_width=True)
    with page:
        answers = gr.State(())
        with gr.Row(elem_id="top"):
            _markup(rendering.header(library_info), "masthead")
            again = gr.Button("New conversation", elem_id="again", size="sm", visible=False)
        with gr.Row(elem_id="room"):
            with gr.Column(elem_id="talk", scale=3, min_width=320):
                conversation = _markup(rendering.welcome(library_info), "conversation")
                with gr.Column(elem_id="examples", visible=has_papers and bool(examples)) as offered:
                    buttons = _example_buttons(examples)
                with gr.Column(elem_id="composer"):
                    status = _markup(rendering.live(""), "status")
                    with gr.Row(elem_id="entry"):
                        question = gr.Textbox(
                            label="Your question",
                            show_label=False,
                            placeholder="Ask a question" if has_papers else "Add papers first",
                            lines=1,
                            max_lines=6,
                            max_length=MAX_QUESTION_CHARACTERS,
                            container=False,
                            interactive=has_papers,
                            elem_id="question",
                        )
                        asking = gr.Button(
                            "Ask", variant="primary", elem_id="ask", min_width=88, interactive=has_papers
                        )
                        stop = gr.Button("Stop", variant="stop", elem_id="stop", min_width=88, visible=False)
            with gr.Column(elem_id="side", scale=2, min_width=320):
                evidence = _markup(rendering.nothing_found_yet(), "evidence")
        retry = gr.Button("Retry the last question", elem_id="retry", visible="hidden")

        def run(written: str, past: tuple[Answer, ...], request: gr.Request) -> Iterator[Changes]:
            asked = written.strip()[:MAX_QUESTION_CHARACTERS]
            if not asked:
                yield {status: rendering.live("Write a question first.")}
                return
            tab = request.session_hash or ""
            if tab in running and not running[tab].stop.is_set():  # a second click on an example
                yield {status: gr.skip()}
                return
            mine = running[tab] = _Run()
            try:
                yield from answer(asked, past, mine)
            finally:
                mine.stop.set()
                mine.over.set()
                if running.get(tab) is mine:
                    del running[tab]

        def answer(asked: str, past: tuple[Answer, ...], mine: _Run) -> Iterator[Changes]:
            progress = Progress(asked)
            began = time.monotonic()
            yield {
                question: "",
                offered: gr.Column(visible=False),
                asking: gr.Button(visible=False),
                stop: gr.Button(visible=True),
                again: gr.Button(visible=True),
                **picture(past, progress),
                evidence: rendering.evidence(past, progress),
            }
            for batch in batches(lambda: ask(asked, history(past)), mine.stop):
                if mine.unwanted:
                    return
                before = progress
                for event in batch:
                    progress = _told(progress, event, library_info.model, time.monotonic() - began)
                if progress.answer is None and progress is not before:
                    found = progress.sources is not before.sources
                    yield picture(past, progress) | ({evidence: rendering.evidence(past, progress)} if found else {})
                elif progress.answer is None:
                    yield {status: gr.skip()}
            if progress.answer is None:
                cut_short = Broken("the answer ended before it was complete: ask again")
                progress = _told(progress, cut_short, library_info.model, time.monotonic() - began)
            assert progress.answer is not None
            past = (*past, progress.answer)
            yield {
                conversation: rendering.conversation(past),
                evidence: rendering.evidence(past),
                status: rendering.live(rendering.status(progress), spoken_only=True),
                answers: past,
                asking: gr.Button(visible=True),
                stop: gr.Button(visible=False),
            }

        def picture(past: tuple[Answer, ...], progress: Progress) -> Changes:
            return {
                conversation: rendering.conversation(past, progress),
                status: rendering.live(rendering.status(progress), spoken_only=not progress.text),
            }

        def run_again(past: tuple[Answer, ...], request: gr.Request) -> Iterator[Changes]:
            if past:
                yield from run(past[-1].question, past[:-1], request)

        def end(request: gr.Request) -> None:
            if mine := running.get(request.session_hash or ""):
                mine.stop.set()

        def forget(request: gr.Request) -> _Run | None:
            if mine := running.pop(request.session_hash or "", None):
                mine.unwanted = True
                mine.stop.set()
            return mine

        def leave(request: gr.Request) -> None:
            forget(request)

        def clear(request: gr.Request) -> Changes:
            if mine := forget(request):
                # A last picture of the answer must not come after the empty page.
                mine.over.wait(MAX_SECONDS_TO_END)
            return {
                answers: (),
                conversation: rendering.welcome(library_info),
                evidence: rendering.nothing_found_yet(),
                status: rendering.live(""),
                question: "",
                offered: gr.Column(visible=has_papers and bool(examples)),
                asking: gr.Button(visible=True),
                stop: gr.Button(visible=False),
                again: gr.Button(visible=False),
            }

        outputs = [answers, conversation, evidence, status, question, offered, asking, stop, again]
        shared: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        # "once" would drop a question sent in the moment between the last picture and the end of its event
        limited = {
            **shared,
            "concurrency_limit": CONCURRENT_QUESTIONS,
            "concurrency_id": "ask",
            "trigger_mode": "multiple",
        }
        starts: list[Any] = [
            asking.click(run, [question, answers], outputs, **limited),
            retry.click(run_again, [answers], outputs, **limited),
            *(button.click(run, [button, answers], outputs, **limited) for button in buttons),
        ]
        # A flag and not `cancels`: a cancelled run could neither show nor remember what it had.
        stop.click(end, queue=False, **shared)
        # Through the queue, which keeps the order of what it sends to a tab; a question that still waits there goes.
        again.click(clear, None, outputs, cancels=starts, concurrency_limit=None, **shared)
        page.unload(leave)
        page.queue(api_open=False)
    return page


def _told(progress: Progress, event: Event | End, model: str | None, seconds: float) -> Progress:
    """``progress`` with what ``event`` adds; nothing adds to a turn that has its answer."""
    if progress.answer is not None:
        return progress
    match event:
        case Stopped():
            return replace(progress, answer=stopped(progress, model, seconds))
        case Broken():
            return replace(progress, answer=broken(progress, model, event.message, seconds))
        case _:
            return advance(progress, event)


def _markup(value: str, name: str) -> gr.HTML:
    return gr.HTML(value, elem_id=name, apply_default_css=False, js_on_load=None)


def _example_buttons(examples: Sequence[str]) -> list[gr.Button]:
    buttons: list[gr.Button] = []
    for position, example in enumerate(examples, 1):
        if position == len(examples) > 1:
            gr.HTML('<p class="aside">and one it can\'t answer</p>', apply_default_css=False, js_on_load=None)
        buttons.append(gr.Button(example, elem_classes="example", size="md"))
    return buttons

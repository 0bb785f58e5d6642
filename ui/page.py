"""The page: its parts in gradio's Blocks, and the three events that carry a conversation.

A question, its answer as it comes, and the first picture go through gradio's queue. What a
page shows is told in messages (``ui.desk.messages``) that come through one hidden
component; the scripts in ``ui/scripts`` put them where they belong, so that nothing that a
reader has open, focused or scrolled to is lost. Small acts and files go through ``ui.doors``.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import AsyncIterator, Mapping
from typing import Any

# gradio and huggingface_hub read these while they are imported, and look outside without them.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"
# After every event gradio would build a pandas table of all events, for a dashboard that is off here.
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = "1000000000"
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "100"

import gradio as gr
from anyio.to_thread import run_sync

from rag.errors import FootnotedError
from ui.desk.desk import Desk, language_of
from ui.desk.messages import Message
from ui.desk.talking import MAX_QUESTION_CHARACTERS
from ui.gate import person_of
from ui.people import Person

_log = logging.getLogger(__name__)

MAX_STREAMS = 400
"""Answers that tabs may watch at the same time; watching takes no thread."""


def build(desk: Desk) -> gr.Blocks:
    """The page over ``desk``."""
    page = gr.Blocks(title="footnoted", analytics_enabled=False, fill_width=True)
    with page:
        _markup('<header id="top"><h1 class="brand">footnoted</h1></header>', "top-frame")
        _markup('<p id="banner" role="alert" hidden></p>', "banner-frame")
        with gr.Row(elem_id="room"):
            _markup(_SIDE, "side-frame")
            with gr.Column(elem_id="talk", scale=3, min_width=0):
                _markup('<main id="talk-scroll" data-scroller><div id="turns"></div></main>', "turns-frame")
                with gr.Column(elem_id="composer"):
                    _markup(_ABOVE_QUESTION, "above-frame")
                    with gr.Row(elem_id="entry"):
                        question = gr.Textbox(
                            label="Your question",
                            show_label=False,
                            lines=1,
                            max_lines=6,
                            max_length=MAX_QUESTION_CHARACTERS,
                            container=False,
                            elem_id="question",
                        )
                        asking = gr.Button("Ask", variant="primary", elem_id="ask", min_width=80)
                        stopping = gr.Button("Stop", variant="stop", elem_id="stop", min_width=80)
                    _markup(_BELOW_QUESTION, "below-frame")
            _markup(_EVIDENCE, "evidence-frame")
        _markup(_LIBRARY, "library-frame")
        _markup(_LAYERS, "layers-frame")
        wire = gr.HTML(
            None,
            html_template="",
            js_on_load="window.footnoted.connect(watch, props)",
            apply_default_css=False,
            visible="hidden",
            elem_id="wire",
        )
        context = gr.Textbox(visible="hidden", elem_id="context")
        following = gr.Button("Follow", visible="hidden", elem_id="follow")

        # -- events

        async def arrive(given: str, request: gr.Request) -> AsyncIterator[dict[str, Any]]:
            """The first picture, and how an answer under way goes on."""
            person, asked = person_of(request), _object(given)
            try:
                message = await run_sync(desk.arrive, person, asked, language_of(asked))
            except FootnotedError as error:
                yield {"error": str(error), "arrives": True, "conversation": None}
                return
            yield {**message, "arrives": True}
            async for later in follow_on(person, asked):
                yield later

        async def ask(written: str, given: str | None, request: gr.Request) -> AsyncIterator[tuple[Any, Any]]:
            person, asked = person_of(request), _object(given)
            if asked.get("ignore"):
                yield gr.skip(), gr.skip()
                return
            t = language_of(asked)
            try:
                run, message = await run_sync(desk.talking.ask, person, asked, written, t)
            except FootnotedError as error:
                yield {**_of(asked), "refused": True, "busy": False, "error": str(error)}, gr.skip()
                return
            sent = {"ticket": str(asked.get("ticket"))[:64], "from": asked.get("conversation")}
            yield {**message, **sent, "begins": True}, ""
            n_beats = 0
            async for later in desk.talking.follow(person, run, t):
                n_beats += 1
                yield {**later, **sent, "beat": n_beats}, gr.skip()

        async def follow(given: str, request: gr.Request) -> AsyncIterator[dict[str, Any]]:
            async for later in follow_on(person_of(request), _object(given)):
                yield later

        async def follow_on(person: Person, asked: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
            run = await run_sync(desk.talking.under_way, person, asked)
            n_beats = 0
            if run is not None:
                async for message in desk.talking.follow(person, run, language_of(asked)):
                    n_beats += 1
                    yield {**message, "beat": n_beats}

        # No limit: what is limited is the work behind (Workers), and watching it costs nothing.
        shared: dict[str, Any] = {
            "show_progress": "hidden",
            "api_visibility": "private",
            "concurrency_limit": None,
            "trigger_mode": "multiple",
        }
        asking.click(ask, [question, context], [wire, question], js="(q) => window.footnoted.asking(q)", **shared)
        following.click(follow, [context], [wire], js="() => window.footnoted.following()", **shared)
        stopping.click(None, None, None, js="() => { window.footnoted.stop(); }", **shared)
        page.load(arrive, [context], [wire], js="() => window.footnoted.arriving()", **shared)
        page.queue(api_open=False, max_size=MAX_STREAMS)
        page.max_threads = MAX_STREAMS
    return page


def _of(asked: Mapping[str, Any]) -> Message:
    conversation = asked.get("conversation")
    return {"conversation": conversation if isinstance(conversation, str) else None}


def _object(given: str | None) -> Mapping[str, Any]:
    """What the page sends beside a question; {} for anything else."""
    try:
        value = json.loads(given or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, Mapping) else {}


def _markup(value: str, name: str) -> gr.HTML:
    return gr.HTML(value, elem_id=name, apply_default_css=False, js_on_load=None)


# The frame of the page. What stands in it comes with the first message, in the reader's language.

_SIDE = '<nav id="side"><div id="list-head"></div><div id="list" data-scroller></div><div id="list-foot"></div></nav>'
_ABOVE_QUESTION = (
    '<p id="status" role="status" aria-live="polite"></p><div id="chips"></div>'
    '<p id="spoken" class="spoken" role="status" aria-live="polite"></p>'
)
_BELOW_QUESTION = (
    '<div id="work"><div id="kinds"></div><div id="filter-place"></div><span class="gap"></span>'
    '<div id="verified-place"></div></div><p id="hint" class="spoken"></p><div id="filter" class="menu" popover></div>'
)
_EVIDENCE = (
    '<aside id="evidence" data-scroller aria-labelledby="evidence-title"><div id="evidence-head" class="panel-head">'
    '</div><div id="evidence-groups"></div></aside>'
)
_LIBRARY = (
    '<section id="library" hidden><div id="library-head"></div>'
    '<div id="library-papers" role="tabpanel" aria-labelledby="tab-papers"><div id="library-tools"></div>'
    '<div id="library-list"></div></div>'
    '<div id="library-add" role="tabpanel" aria-labelledby="tab-add" hidden><div id="library-drop"></div>'
    '<ul id="uploads" class="files"></ul><div id="library-files" aria-live="polite"></div></div>'
    '<div id="library-statistics" role="tabpanel" aria-labelledby="tab-statistics" hidden></div></section>'
)
_LAYERS = (
    '<div id="preview" role="tooltip" hidden></div><div id="toast" role="status" aria-live="polite" hidden></div>'
    '<dialog id="settings" aria-labelledby="settings-title"></dialog>'
    '<dialog id="help" aria-labelledby="help-title"></dialog>'
)

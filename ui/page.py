"""The page: its parts in gradio's Blocks, and its first picture.

What a page shows is told in messages (``ui.desk.messages``); the scripts in ``ui/scripts``
put them where they belong, so that nothing that a reader has open, focused or scrolled to is
lost. The first one comes through gradio and one hidden component, all others through
``ui.doors``: while an event of gradio's is under way its components draw a new frame sixty
times a second, on the processor that is to find the answer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
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
from ui.desk.talking import MAX_QUESTION_CHARACTERS
from ui.gate import person_of


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
                        gr.Textbox(
                            label="Your question",
                            show_label=False,
                            lines=1,
                            max_lines=6,
                            max_length=MAX_QUESTION_CHARACTERS,
                            container=False,
                            interactive=True,
                            elem_id="question",
                        )
                        gr.Button("Ask", variant="primary", elem_id="ask", min_width=80)
                        gr.Button("Stop", variant="stop", elem_id="stop", min_width=80)
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

        async def arrive(given: str, request: gr.Request) -> dict[str, Any]:
            person, asked = person_of(request), _object(given)
            try:
                message = await run_sync(desk.arrive, person, asked, language_of(asked))
            except FootnotedError as error:
                return {"error": str(error), "arrives": True, "conversation": None}
            return {**message, "arrives": True}

        page.load(
            arrive,
            [context],
            [wire],
            js="() => window.footnoted.arriving()",
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
        page.queue(api_open=False)
    return page


def _object(given: str | None) -> Mapping[str, Any]:
    """What the page sends when it arrives; {} for anything else."""
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

"""One JSON object a line, as ``footnoted papers --json`` has them in a list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from rag.types import Paper
from rag.wire import paper_to_json


def write(papers: Iterable[Paper]) -> Iterator[str]:
    for paper in papers:
        # ASCII: no character in it can end a line, and every one comes back.
        yield json.dumps(paper_to_json(paper)) + "\n"

"""Crossref's works, from its API or its yearly dump; the JATS mark-up of titles and abstracts is removed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rag.readers.csl_json import paper_of
from rag.readers.file import TextFile
from rag.readers.json_values import begins_as_json, list_field, values
from rag.types import Paper, Skipped

_AROUND = re.compile(r'(?<!\\)"(?:items"\s*:\s*\[|message"\s*:\s*\{(?!\s*"(?:facets|total-results|items)"))')
_SIGNS = re.compile(
    r'(?<!\\)"(?:message-type"\s*:\s*"work|container-title"\s*:\s*\[|is-referenced-by-count"\s*:|reference-count"\s*:)'
)
_UPDATES = {
    "retraction": "retracted",
    "partial_retraction": "partly retracted",
    "withdrawal": "withdrawn",
    "removal": "removed by its publisher",
    "expression_of_concern": "expression of concern",
}


def recognise(head: str) -> bool:
    return begins_as_json(head) and _SIGNS.search(head) is not None


def read(file: TextFile) -> Iterator[Paper | Skipped]:
    for part in values(file, _AROUND):
        if isinstance(part, Skipped):
            yield part
        else:
            yield paper_of(part[1], file.origin, part[0], _notice(part[1]))


def _notice(work: Any) -> str | None:
    """From 'updated-by', which the retracted work carries; 'update-to' stands in the notice itself."""
    if not isinstance(work, dict):
        return None
    for update in list_field(work, "updated-by"):
        kind = update.get("type") if isinstance(update, dict) else None
        if isinstance(kind, str) and (word := _UPDATES.get(kind.lower().replace("-", "_"))):
            return f"{word}: https://doi.org/{update['DOI']}" if isinstance(update.get("DOI"), str) else word
    return None

"""What a comparison names one by one: 'FBLNet and PyMAF-X'. Each of them is looked for by itself.

Of a search for all of them at once each paper is only half of what is asked for, and one that
has a little of both comes before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from rag import vocabulary
from rag.answer import relevance
from rag.retrieval import Found
from rag.retrieval.question import names_missing
from rag.types import Hit

MAX_PARTIES = 4

STANDS_ABOVE = 1.0
"""Log-odds of fitting from which a paper stands for a party: less than that may touch a word of it."""

_BETWEEN = re.compile(
    r"\s*,\s*(?:(?:and|or|with)\s+)?|\s+(?:and|or|with|to|versus|vs\.?|against)\s+(?:(?:that|those) of\s+)?",
    re.IGNORECASE,
)
_IN_WHAT = re.compile(
    r"\W*\b(?:in terms of|with (?:regard|respect) to|regarding|when it comes to|as to)\b.*$|\s*[:;?]\s.*$",
    re.IGNORECASE,
)
_PAPER = re.compile(
    r"^\W*(?:(?:the|both|two|three) )*(?:papers?|abstracts?|works?|study|studies|articles?)\b"
    r"(?: (?:on|about|of|by))?\s*",
    re.IGNORECASE,
)


def parties_of(topic: str) -> tuple[str, ...]:
    """What stands between 'and', 'with' and commas: two to four things with a telling word each; () else."""
    parties = tuple(_PAPER.sub("", part).strip(" .?!\"'“”") for part in _BETWEEN.split(_IN_WHAT.sub("", topic)))
    told = 2 <= len(parties) <= MAX_PARTIES and all(vocabulary.weights(party) for party in parties)
    return parties if told else ()


def standing_for(topic: str, look_for: Callable[[str], Found]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The id of a paper for each party, in their order, and the named parties that no paper found has.

    No ids unless every party that is not so missing has a paper, and one of its own.
    """
    ids: dict[str, None] = {}
    missing = []
    for party in (every := parties_of(topic)):
        found = look_for(party)
        hit = _stands(party, found)
        if hit is not None:
            ids[hit.paper.paper_id] = None
        elif all(names_missing(party, f"{one.paper.title} {one.paper.abstract}") for one in found.hits):
            missing.append(party)
    is_all = ids and len(ids) + len(missing) == len(every)
    return (tuple(ids), tuple(missing)) if is_all else ((), ())


def _stands(party: str, found: Found) -> Hit | None:
    """The best of the papers that fit; one whose title has all the party's words comes before the others."""
    wanted = vocabulary.weights(party)
    fits = relevance.log_odds(party, found.hits, found.evidence)
    standing = [
        (vocabulary.covered(wanted, vocabulary.stems(hit.paper.title)) == 1.0, float(own), -at)
        for at, (hit, own) in enumerate(zip(found.hits, fits, strict=True))
        if own > STANDS_ABOVE
    ]
    return found.hits[-max(standing)[2]] if standing else None

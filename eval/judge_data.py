"""Labelled claims for judging judges: reading them, and which belong together."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rag.errors import ReadError
from rag.sentences import split_sentences


@dataclass(frozen=True, slots=True)
class LabelledClaim:
    """One claim with its sources and whether people found it fully supported."""

    claim_id: str
    data_set: str
    claim: str
    evidence: tuple[str, ...]
    """The sentences of all its sources, in order."""
    supported: bool
    kind: str = ""
    """Why it is as it is, where the data say so: 'CONTRADICT', 'partially_supported'."""
    group: str = ""
    """Claims of one group share a source or a wording: never split them, resample them together."""


def read_claims(paths: Sequence[Path]) -> list[LabelledClaim]:
    """The claims of all files (plain or .gz), grouped; each file is a data set of its own.

    A line has ``id``, ``source_texts`` (or ``source_text``, ``premise``, ``evidence_sentences``),
    ``response`` (or ``claim``, ``hypothesis``) and ``label``: 1, true, 'supported' or 'entailment'
    for fully supported, anything else not. All bad lines are reported together. Raises ReadError.
    """
    found: list[tuple[LabelledClaim, tuple[str, ...]]] = []
    problems: list[str] = []
    for path in paths:
        try:
            with _opened(path) as lines:
                for n, line in enumerate(lines, 1):
                    if not line.strip():
                        continue
                    try:
                        found.append(_claim(json.loads(line), path, n))
                    except (ValueError, KeyError, TypeError) as error:
                        problems.append(f"{path.name} line {n}: {error}")
        except OSError as error:
            raise ReadError(f"{path} cannot be read: {error.strerror or error}") from error
        except (UnicodeDecodeError, EOFError) as error:
            raise ReadError(f"{path} is not JSON lines in UTF-8: {error}") from error
    if problems:
        shown = "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
        raise ReadError(f"claims cannot be read: {shown}")
    return _grouped(found)


def sample(claims: Sequence[LabelledClaim], n: int, seed: int = 0) -> list[LabelledClaim]:
    """``n`` of them at most, in their order, whole groups at random: the same for the same seed."""
    groups = sorted({claim.group for claim in claims})
    random.Random(seed).shuffle(groups)
    sizes: dict[str, int] = {}
    for claim in claims:
        sizes[claim.group] = sizes.get(claim.group, 0) + 1
    kept: set[str] = set()
    total = 0
    for group in groups:
        if total + sizes[group] <= n:
            kept.add(group)
            total += sizes[group]
    return [claim for claim in claims if claim.group in kept]


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return open(path, encoding="utf-8")


def _claim(row: dict[str, Any], path: Path, n: int) -> tuple[LabelledClaim, tuple[str, ...]]:
    claim = _first(row, "response", "claim", "hypothesis")
    sources = _first(row, "source_texts", "evidence_sentences", "source_text", "premise", "evidence")
    texts = [sources] if isinstance(sources, str) else list(sources)
    if not isinstance(claim, str) or not all(isinstance(text, str) for text in texts):
        raise ValueError("the claim and its sources must be texts")
    evidence = tuple(span.of(text) for text in texts for span in split_sentences(text))
    label = row["label"]
    supported = label in (1, True) or str(label).lower() in ("1", "supported", "support", "entailment", "true", "yes")
    own = tuple(str(s) for s in row.get("source_ids") or ()) or tuple(_digest(text) for text in texts)
    if row.get("paper_id"):
        own = (str(row["paper_id"]),)
    data_set = path.name.split(".")[0]
    kind = str(row.get("label_raw") or row.get("kind") or "")
    return (
        LabelledClaim(str(row.get("id", f"{data_set}:{n}")), data_set, claim, evidence, supported, kind),
        (*(f"source {data_set} {s}" for s in own), f"claim {data_set} {_digest(claim)}"),
    )


def _first(row: dict[str, Any], *names: str) -> Any:
    for name in names:
        if name in row and row[name] is not None:
            return row[name]
    raise KeyError(f"no field '{names[0]}'")


def _grouped(found: Iterable[tuple[LabelledClaim, tuple[str, ...]]]) -> list[LabelledClaim]:
    """Claims that share a source or their wording get one group, however long the chain."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        parent.setdefault(key, key)
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    rows = list(found)
    for _, keys in rows:
        for key in keys[1:]:
            parent[root(key)] = root(keys[0])
    return [
        LabelledClaim(c.claim_id, c.data_set, c.claim, c.evidence, c.supported, c.kind, root(keys[0]))
        for c, keys in rows
    ]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

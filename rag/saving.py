"""An answer kept with everything that it rests on: proved again later, or asked again.

save(path, answer, how, library)                answer.json
verify(load(path), library)                     does every quote still stand where it stood?
differences(load(path), new_answer)             what asking again changed
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import prompts
from rag.config import N_SOURCES, ModelConfig
from rag.errors import ReadError, StorageFull
from rag.filters import Filter
from rag.library import Library
from rag.llm import LanguageModel, host_of
from rag.pipeline import How
from rag.retrieval.reranker import BUNDLED
from rag.types import Answer
from rag.wire import answer_to_json, history_from_json

FORMAT = 1
MAX_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class SavedAnswer:
    answer: Mapping[str, Any]
    """As ``ask --json`` printed it."""
    corpus_fingerprint: str
    content_hashes: Mapping[str, str]
    """Of every paper that was put before the answerer, by id."""
    asked: How
    """The papers that were chosen, the history and the other options with which it was asked, models aside."""
    about: Mapping[str, Any]
    """Versions, model, prompts and time; nothing of it is needed to prove a quote."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One quote of a saved answer held against the library."""

    paper_id: str
    quote: str
    holds: bool
    """Whether it stands letter for letter where it stood."""
    problem: str = ""
    """Why it doesn't, in words."""


@dataclass(frozen=True, slots=True)
class Differences:
    outcome: tuple[str, str] | None
    """Then and now, if they differ."""
    gone: tuple[str, ...]
    """Sentences that are not said any more."""
    new: tuple[str, ...]
    verdicts: tuple[tuple[str, str, str], ...]
    """(sentence, verdict then, verdict now) of those said both times and judged otherwise."""
    new_papers: tuple[tuple[str, str], ...]
    """(id, title) of papers that were not found then and are now."""
    corpus_changed: bool
    searched: tuple[str, str] | None = None
    """What was searched for then and now, if that differs: a model may put a follow-up in other words."""

    @property
    def nothing(self) -> bool:
        return not (self.outcome or self.gone or self.new or self.verdicts or self.new_papers)


def save(path: Path, answer: Answer, how: How, library: Library) -> None:
    """Write the answer to a question that was asked like that, in one step. Holds no key.

    Raises StorageFull where the file cannot be written.
    """
    only = how.get("only")
    record = {
        "format": FORMAT,
        "saved_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "footnoted": metadata.version("footnoted"),
        "answer": answer_to_json(answer),
        "history": [
            {"question": turn.question, "answer": turn.answer, "paper_ids": list(turn.paper_ids)}
            for turn in how.get("history", ())
        ],
        "asked": {
            "about": list(how.get("about", ())),
            "without": list(how.get("without", ())),
            "only": None if only is None else dataclasses.asdict(only),
            "n_sources": how.get("n_sources", N_SOURCES),
            "verified_only": how.get("verified_only", False),
            "repair": how.get("repair", True),
            "reads_again": how.get("reranker", BUNDLED) is not None,
        },
        "corpus": {
            "papers": len(library),
            "fingerprint": library.corpus_fingerprint,
            "content_hashes": {s.hit.paper.paper_id: s.hit.paper.content_hash for s in answer.sources},
        },
        "embedding": library.fingerprint,
        "model": model_in_words(how.get("model")),
        "prompts": {name: prompts.load(name).sha256 for name in prompts.names()},
    }
    scratch = path.with_name(path.name + ".new")
    try:
        with open(scratch, "w", encoding="utf-8", errors="backslashreplace") as stream:
            json.dump(record, stream, ensure_ascii=False, indent=1)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(path)
    except OSError as error:
        raise StorageFull(
            f"the answer could not be saved to {path} ({error.strerror}): choose another place"
        ) from error


def load(path: Path) -> SavedAnswer:
    """Raises ReadError for a file that is missing, too large, or no saved answer."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ReadError(f"{path} is too large to be a saved answer")
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReadError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{path} is no saved answer: it is no JSON ({error})") from error
    try:
        if record["format"] != FORMAT:
            raise ReadError(
                f"{path} has format {record['format']}, this version reads format {FORMAT}: upgrade footnoted"
            )
        answer, corpus = record["answer"], record["corpus"]
        for claim in answer["claims"]:
            for citation in claim["citations"]:
                _ = citation["paper_id"], citation["quote"], citation["start"], citation["end"]
            _ = claim["text"] + claim["verdict"]
        _ = answer["question"] + answer["outcome"], [source["paper_id"] for source in answer["sources"]]
        about = {name: record.get(name) for name in ("saved_at", "footnoted", "embedding", "model", "prompts")}
        return SavedAnswer(
            answer,
            str(corpus["fingerprint"]),
            dict(corpus["content_hashes"]),
            _asked(record),
            about,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ReadError(f"{path} is no saved answer: it lacks or garbles {error}") from error


def _asked(record: Mapping[str, Any]) -> How:
    """Files of earlier versions do not say which papers were chosen: all, then."""
    options: dict[str, Any] = {"n_sources": N_SOURCES, "verified_only": False, "repair": True, "reads_again": True}
    options |= dict(record.get("asked", {}))
    only = options.get("only")
    return How(
        kind=record["answer"].get("kind"),
        history=history_from_json(record["history"]),
        about=_ids(options.get("about", ())),
        without=_ids(options.get("without", ())),
        only=None if only is None else Filter(**{name: _frozen(value) for name, value in dict(only).items()}),
        n_sources=int(options["n_sources"]),
        verified_only=bool(options["verified_only"]),
        repair=bool(options["repair"]),
        reranker=BUNDLED if options["reads_again"] else None,
    )


def _ids(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise TypeError("the ids of the papers that were chosen")
    return tuple(value)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def verify(saved: SavedAnswer, library: Library) -> tuple[Proof, ...]:
    """Each quote of the answer, in order, held against the abstracts as they are stored now."""
    cited = [c for claim in saved.answer["claims"] for c in claim["citations"] if c["paper_id"] is not None]
    return tuple(_proof(citation, library) for citation in cited if citation["quote"])


def differences(saved: SavedAnswer, now: Answer, library: Library) -> Differences:
    """What asking again changed. Sentences are compared as written, spacing aside."""
    then = {_plain(claim["text"]): claim for claim in saved.answer["claims"]}
    said = {_plain(claim.text): claim for claim in now.claims}
    found_then = {source["paper_id"] for source in saved.answer["sources"]}
    outcome = (str(saved.answer["outcome"]), now.outcome)
    searched = (str(saved.answer.get("standalone_question", now.standalone_question)), now.standalone_question)
    return Differences(
        outcome=outcome if outcome[0] != outcome[1] else None,
        gone=tuple(claim["text"] for text, claim in then.items() if text not in said),
        new=tuple(claim.text for text, claim in said.items() if text not in then),
        verdicts=tuple(
            (claim.text, str(then[text]["verdict"]), claim.verdict)
            for text, claim in said.items()
            if text in then and then[text]["verdict"] != claim.verdict
        ),
        new_papers=tuple(
            (s.hit.paper.paper_id, s.hit.paper.title) for s in now.sources if s.hit.paper.paper_id not in found_then
        ),
        corpus_changed=saved.corpus_fingerprint != library.corpus_fingerprint,
        searched=searched if searched[0] != searched[1] else None,
    )


def model_in_words(model: LanguageModel | None) -> dict[str, Any] | None:
    """What there is to say of a model without its key; of its address only the host."""
    if model is None:
        return None
    known: dict[str, Any] = {
        "name": model.name,
        "context_tokens": model.context_tokens,
        "max_output_tokens": model.max_output_tokens,
        "evidence": model.evidence,
    }
    config = getattr(model, "config", None)
    if isinstance(config, ModelConfig):
        known |= {"host": host_of(config.base_url), "temperature": config.temperature, "seed": config.seed}
        known["rewrite"] = config.rewrite
    return known


def _proof(citation: Mapping[str, Any], library: Library) -> Proof:
    paper_id, quote = str(citation["paper_id"]), str(citation["quote"])
    if paper_id not in library:
        return Proof(paper_id, quote, False, "the library does not hold this paper any more")
    abstract = library.paper(paper_id).abstract
    start, end = citation["start"], citation["end"]
    if isinstance(start, int) and isinstance(end, int) and 0 <= start < end and abstract[start:end] == quote:
        return Proof(paper_id, quote, True)
    if quote in abstract:
        return Proof(
            paper_id, quote, False, f"the abstract was edited: the quote now begins at {abstract.index(quote)}"
        )
    return Proof(paper_id, quote, False, "the abstract does not say this any more")


def _plain(text: str) -> str:
    return " ".join(str(text).split())

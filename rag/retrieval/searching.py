"""The search from end to end: what ``search``, ``ask`` and every measurement go through."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rag.embedding import Embedder, FloatArray
from rag.filters import Filter
from rag.index.snapshot import State
from rag.library import Begun, Candidates, Library
from rag.papers import fold
from rag.retrieval.asked import NOT_ASKED, Asked, asked
from rag.retrieval.evidence import NOTHING, Breadth, Evidence, breadth_of, rank_sentences, read_again
from rag.retrieval.fusion import fuse
from rag.retrieval.naming import title_within
from rag.retrieval.placing import in_front
from rag.retrieval.question import read_ahead
from rag.retrieval.reranker import BUNDLED, Reranker
from rag.retrieval.settings import DEFAULT, SearchSettings
from rag.types import Hit, Origin, Paper

DEPTH = 30
"""How many chunks each side is asked for before fusion, at least."""


@dataclass(frozen=True, slots=True)
class Found:
    hits: tuple[Hit, ...]
    """One a paper, best first."""
    evidence: Evidence
    """Its sentences' ``hit`` indexes ``hits``."""
    asked: Asked = NOT_ASKED
    """The question as it was searched for."""


def search(
    library: Library,
    question: str,
    *,
    k: int = 10,
    settings: SearchSettings = DEFAULT,
    reranker: Reranker | None = BUNDLED,
    only: Filter | None = None,
) -> tuple[Hit, ...]:
    """The ``k`` best papers' best chunks for a question, best first; () if nothing is found.

    The whole of the question counts: its meaning against each chunk with its title, its
    words against title and text; what else it says ('since 2020', a title, a name, a phrase
    in quotation marks) is heeded as ``asked`` says. With ``only``, out of those papers
    alone; of several papers of one work the best is shown. Raises LibraryMismatch if the
    library was made with another embedding, EmbeddingError if the question cannot be embedded.
    """
    return look(library, question, k=k, settings=settings, reranker=reranker, only=only, evidence=False).hits


def look(
    library: Library,
    question: str,
    *,
    k: int,
    settings: SearchSettings = DEFAULT,
    reranker: Reranker | None = BUNDLED,
    breadth: Breadth | None = None,
    about: Sequence[str] = (),
    without: Collection[str] = (),
    only: Filter | None = None,
    years: Filter | None = None,
    reads_years: bool = True,
    evidence: bool = True,
    state: State | None = None,
) -> Found:
    """As ``search``, with the sentences of the best papers ranked, if the dense side takes part.

    ``about`` names the only papers that count, ``without`` those that do not, and ``only``
    what holds of those that do; ``years`` were read from the question before, and with
    ``reads_years=False`` none are. By default the question's words say how many papers are
    looked at (``breadth``). With ``evidence=False`` no sentence is ranked for its own sake.
    ``state`` is the library's, if it was just read.
    """
    state = state or library.state
    if not question.strip() or state.n_papers == 0:
        return Found((), NOTHING)
    ask = asked(library, question, only=only, years=years, reads_years=reads_years, about=about)
    question, only = ask.text, ask.only
    if not question:
        return Found((), NOTHING, ask)
    if not settings.dense:
        hits = find(library, question, None, k=k, settings=settings, without=without, only=only)
        return Found(with_named(library, None, hits, ask, without)[:k], NOTHING, ask)
    breadth = breadth or breadth_of(question)
    reads = reranker if settings.rerank else None
    n_wanted = k if reads is None else max(k, breadth.n_read)
    finds = replace(settings, dense=False, lexical=True) if ask.by_words else settings
    looks_up = finds.lexical and not about and not only
    begun = library.begin(question, _depth(n_wanted, without), state, read_ahead) if looks_up else None
    vector = _embedded(library.embedder_at(state), question)
    if about:
        hits = hits_of(library, vector, [paper_id for paper_id in about if paper_id not in without])
        hits = tuple(hit for hit in hits if only is None or only.matches(hit.paper))
    else:
        hits = find(
            library,
            question,
            vector,
            k=n_wanted,
            settings=finds,
            without=without,
            only=only,
            known=state,
            begun=begun,
        )
        hits = with_named(library, vector, hits, ask, without)
    if reads is None:
        return Found(hits[:k], rank_sentences(question, vector, hits[:k], breadth) if evidence else NOTHING, ask)
    hits, ranked = read_again(question, vector, hits, reads, breadth)
    hits, ranked = in_front(hits, ranked, _named(hits, ask))
    kept = tuple(sentence for sentence in ranked.sentences if sentence.hit < k)
    return Found(hits[:k], replace(ranked, sentences=kept), ask)


def embed(library: Library, question: str) -> FloatArray:
    """The question's unit vector, float32 (n_dims,)."""
    return _embedded(library.embedder, question)


def _embedded(embedder: Embedder, question: str) -> FloatArray:
    vector: FloatArray = embedder.embed([question])[0]
    return vector


def find(
    library: Library,
    question: str,
    vector: FloatArray | None,
    *,
    k: int,
    settings: SearchSettings = DEFAULT,
    without: Collection[str] = (),
    only: Filter | None = None,
    known: State | None = None,
    begun: Begun | None = None,
) -> tuple[Hit, ...]:
    """The fused hits of a question that is already embedded (``vector`` may be None without the dense side)."""
    found = library.candidates(
        vector=vector if settings.dense else None,
        text=question if settings.lexical else None,
        k=_depth(k, without),
        only=only,
        known=known,
        begun=begun,
    )
    words = dict(found.lexical)
    # Both sides' finds are compared with the question by both measures, so that being
    # missed by one side's cut costs a chunk nothing but what it lacks.
    meaning = _meaning(found, vector) if settings.dense and vector is not None else {}
    own = {chunk_id: cosines[0] for chunk_id, cosines in meaning.items()}
    best = {chunk_id: max(cosines[1:]) for chunk_id, cosines in meaning.items()}
    scores = fuse(own, best, words)
    dense = {chunk_id: rank for rank, (chunk_id, _) in enumerate(found.dense, 1)}
    lexical = {chunk_id: rank for rank, (chunk_id, _) in enumerate(found.lexical, 1)}

    def hit_of(chunk_id: str, versions: Sequence[str]) -> Hit:
        stored, cosines = found.chunks[chunk_id], meaning.get(chunk_id)
        origins = []
        if cosines and chunk_id in dense:
            origins.append(Origin("dense", dense[chunk_id], cosines[0]))
        if chunk_id in lexical:
            origins.append(Origin("lexical", lexical[chunk_id], words[chunk_id]))
        return Hit(
            stored.paper,
            stored.chunk,
            scores[chunk_id],
            tuple(origins),
            stored.chunk.sentences[cosines.index(best[chunk_id], 1) - 1] if cosines else None,
            stored.sentence_vectors,
            tuple(versions),
        )

    in_order = sorted(sorted(scores), key=scores.__getitem__, reverse=True)  # of equal scores the first by id
    papers = [(chunk_id, found.chunks[chunk_id].paper) for chunk_id in in_order]
    works = fold((chunk_id, paper) for chunk_id, paper in papers if paper.paper_id not in without)
    return tuple(hit_of(chunk_id, versions) for chunk_id, versions in works[:k])


def _depth(k: int, without: Collection[str]) -> int:
    return max(DEPTH, k) + len(without)


def hits_of(library: Library, vector: FloatArray, paper_ids: Sequence[str]) -> tuple[Hit, ...]:
    """Of each of these papers the chunk whose best sentence is nearest to ``vector``, the nearest paper first."""
    best: dict[str, Hit] = {}
    for stored in library.chunks_of(paper_ids, len(vector)):
        similar = stored.sentence_vectors @ vector
        score = max(0.0, float(similar.max()))
        known = best.get(stored.paper.paper_id)
        if known is None or score > known.score:
            origin = Origin("dense", 1, float(stored.vector @ vector))
            nearest = stored.chunk.sentences[int(similar.argmax())]
            best[stored.paper.paper_id] = Hit(
                stored.paper, stored.chunk, score, (origin,), nearest, stored.sentence_vectors
            )
    return tuple(sorted(best.values(), key=lambda hit: -hit.score))


def with_named(
    library: Library, vector: FloatArray | None, hits: tuple[Hit, ...], ask: Asked, without: Collection[str] = ()
) -> tuple[Hit, ...]:
    """The hits with the papers that the question names in front, found or not."""
    there = {paper_id for hit in hits for paper_id in (hit.paper.paper_id, *hit.versions)}
    missing = [paper_id for paper_id in ask.first if paper_id not in there and paper_id not in without]
    if missing:
        at_rest: FloatArray = np.zeros(library.state.n_dims or 1, np.float32)
        more = hits_of(library, at_rest if vector is None else vector, missing)
        nearest = vector is not None
        more = tuple(replace(hit, origins=(), nearest=hit.nearest if nearest else None) for hit in more)
        hits = (*hits, *(hit for hit in more if ask.only is None or ask.only.matches(hit.paper)))
    return in_front(hits, NOTHING, _named(hits, ask))[0]


def _named(hits: Sequence[Hit], ask: Asked) -> tuple[str, ...]:
    return ask.first or title_within(ask.text, [hit.paper for hit in hits])


def _meaning(found: Candidates, vector: FloatArray) -> dict[str, list[float]]:
    """How near each chunk, and then each of its sentences, is to the question.

    One product a chunk: to lay them side by side would take longer.
    """
    return {chunk_id: stored.rows.dot(vector).tolist() for chunk_id, stored in found.chunks.items()}


def papers_of(hits: Sequence[Hit]) -> dict[str, Paper]:
    """The papers of ``hits`` by id."""
    return {hit.paper.paper_id: hit.paper for hit in hits}

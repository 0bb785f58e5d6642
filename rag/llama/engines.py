"""The search as a llama-index retriever, and ``ask`` as a query engine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import Response
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle

from rag.config import N_SOURCES
from rag.library import Library
from rag.llama.nodes import to_nodes
from rag.llm import LanguageModel
from rag.pipeline import ask
from rag.retrieval import search
from rag.types import Hit
from rag.wire import answer_to_json


class FootnotedRetriever(BaseRetriever):
    """Finds chunks of a library as ``search`` does: one a paper, best first, scores in [0, 1]."""

    def __init__(self, library: Library, k: int = 10) -> None:
        super().__init__()
        self._library = library
        self._k = k

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return _scored(search(self._library, query_bundle.query_str, k=self._k))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


class FootnotedQueryEngine(BaseQueryEngine):
    """Answers as ``ask`` does: quotes, or what ``model`` writes, every sentence checked.

    ``Response.response`` is the answer with its markers, or the explanation of an
    abstention or a failure; ``Response.metadata`` the answer as ``ask --json`` prints it,
    with ``outcome`` and each claim's verdict; ``source_nodes`` what was put before the answerer.
    """

    def __init__(self, library: Library, model: LanguageModel | None = None, n_sources: int = N_SOURCES) -> None:
        super().__init__(callback_manager=None)
        self._library = library
        self._model = model
        self._n_sources = n_sources

    def _query(self, query_bundle: QueryBundle) -> Response:
        answer = ask(self._library, query_bundle.query_str, model=self._model, n_sources=self._n_sources)
        return Response(
            response=answer.text or answer.error,
            source_nodes=_scored([source.hit for source in answer.sources]),
            metadata=answer_to_json(answer),
        )

    async def _aquery(self, query_bundle: QueryBundle) -> Response:
        return await asyncio.to_thread(self._query, query_bundle)

    def _get_prompt_modules(self) -> dict[str, Any]:
        return {}


def _scored(hits: Sequence[Hit]) -> list[NodeWithScore]:
    return [NodeWithScore(node=to_nodes(hit.paper, [hit.chunk])[0], score=hit.score) for hit in hits]

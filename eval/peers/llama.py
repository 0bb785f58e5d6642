"""llama-index over the same library and the same endpoint: its CitationQueryEngine and its FaithfulnessEvaluator.

Both are used as their documentation has them, with nothing tuned for or against them. Only
this module imports llama-index, which is slow.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.evaluation import FaithfulnessEvaluator
from llama_index.core.llms import CompletionResponse, CompletionResponseGen, CustomLLM, LLMMetadata
from llama_index.core.query_engine import CitationQueryEngine
from pydantic import PrivateAttr

from eval.peers.answers import answer_json, citation_json, source_json
from eval.questions import Question
from eval.runs.cache import Cache, WatchedModel
from eval.runs.fingerprint import model_identity
from eval.runs.records import Record
from rag.answer.citations import SentenceStream
from rag.embedding import Embedder
from rag.llm import LanguageModel, Message
from rag.types import Paper

_NO_HELP = re.compile(
    r"\b(none of the (provided )?sources|(sources|context) (do|does) not|not (mentioned|provided|specified|stated)"
    r"|no (information|mention)|cannot (be determined|answer)|empty response)\b",
    re.IGNORECASE,
)
"""How an answer of that engine says no: it has no outcome of its own."""


class SeamLLM(CustomLLM):
    """One of our language models as a llama-index LLM: same endpoint, same cache, same deadlines."""

    _model: LanguageModel = PrivateAttr()
    _usage: list[Any] = PrivateAttr(default_factory=list)

    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        self._model = model

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            context_window=self._model.context_tokens,
            num_output=self._model.max_output_tokens,
            model_name=self._model.name,
            is_chat_model=False,
        )

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        with self._model.stream([Message("user", prompt)]) as stream:
            text = "".join(stream)
            self._usage.append(stream.usage)
        return CompletionResponse(text=text)

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        yield self.complete(prompt)

    def usage(self) -> dict[str, int | None]:
        """Tokens of all calls so far; None where the endpoint did not count."""
        prompt = [one.prompt_tokens for one in self._usage]
        completion = [one.completion_tokens for one in self._usage]
        return {
            "prompt_tokens": None if None in prompt else sum(prompt),
            "completion_tokens": None if None in completion else sum(completion),
        }


class SeamEmbedding(BaseEmbedding):
    """Our embedder as a llama-index embedding."""

    _embedder: Embedder = PrivateAttr()

    def __init__(self, embedder: Embedder) -> None:
        super().__init__()
        self._embedder = embedder

    def _get_query_embedding(self, query: str) -> list[float]:
        return [float(value) for value in self._embedder.embed([query])[0]]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_query_embedding(text)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


class CitationEngine:
    """CitationQueryEngine with its defaults over an index of titles and abstracts; raises ModelError of the model."""

    def __init__(self, papers: Sequence[Paper], embedder: Embedder, n_sources: int) -> None:
        self._papers = {paper.paper_id: paper for paper in papers}
        documents = [
            Document(
                text=f"{paper.title}\n\n{paper.abstract}", metadata={"paper_id": paper.paper_id}, doc_id=paper.paper_id
            )
            for paper in papers
            if paper.abstract.strip()
        ]
        for document in documents:
            document.excluded_embed_metadata_keys = document.excluded_llm_metadata_keys = ["paper_id"]
        self._index = VectorStoreIndex.from_documents(documents, embed_model=SeamEmbedding(embedder))
        self._n_sources = n_sources

    def __call__(self, question: Question, model: LanguageModel | None) -> Mapping[str, Any]:
        assert model is not None
        started = time.perf_counter()
        llm = SeamLLM(model)
        engine = CitationQueryEngine.from_args(self._index, llm=llm, similarity_top_k=self._n_sources)
        text = " ".join([*(turn.question for turn in question.history[-1:]), question.question])
        response = engine.query(text)
        ids = [str(node.node.metadata["paper_id"]) for node in response.source_nodes]
        best: dict[str, float] = {}
        for node, paper_id in zip(response.source_nodes, ids, strict=True):
            best.setdefault(paper_id, float(node.score or 0.0))
        sources = [source_json(n, self._papers[one], score) for n, (one, score) in enumerate(best.items(), 1)]
        said = str(response)
        claims = claims_of(said, ids, self._papers)
        is_no = not any(claim["citations"] for claim in claims) and _NO_HELP.search(said) is not None
        outcome = "abstained" if is_no else ("answered" if claims else "empty")
        return answer_json(
            question,
            [] if is_no else claims,
            sources,
            model=model.name,
            seconds=time.perf_counter() - started,
            outcome=outcome,
            text=said,
            usage=llm.usage(),
        )


def claims_of(text: str, ids: Sequence[str], papers: Mapping[str, Paper]) -> list[dict[str, Any]]:
    """The sentences of an answer, each with the papers that its markers point to (``ids[n - 1]`` for [n])."""
    sentences = SentenceStream()
    claims = []
    for draft in [*sentences.feed(text), *sentences.finish()]:
        citations = []
        for number in draft.numbers:
            paper_id = ids[number - 1] if 1 <= number <= len(ids) else None
            citations.append(citation_json(number, paper_id, papers[paper_id].title if paper_id else ""))
        claims.append({"text": draft.text, "citations": citations})
    return claims


class LlamaFaithfulness:
    """FaithfulnessEvaluator over an answer and all its sources: True, False, or None where nothing was claimed."""

    name = "llama-index FaithfulnessEvaluator"

    def __init__(self, model: LanguageModel, cache: Cache | None) -> None:
        self._model = model
        self._cache = cache

    def __call__(self, record: Record) -> bool | None:
        import asyncio

        answer = record.answer
        if answer is None or answer["outcome"] != "answered" or not answer["claims"]:
            return None
        identity = model_identity(self._model) or {}
        watched = WatchedModel(self._model, identity, record.repeat, self._cache, threading.Event())
        evaluator = FaithfulnessEvaluator(llm=SeamLLM(watched))
        contexts = [f"{source['title']}\n{source['text']}" for source in answer["sources"]]
        response = " ".join(claim["text"] for claim in answer["claims"])
        found = asyncio.run(evaluator.aevaluate(response=response, contexts=contexts))
        return bool(found.passing)

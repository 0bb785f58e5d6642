"""ragas' faithfulness over the same answers and endpoint; needs the extra: pip install 'footnoted[ragas]'."""

from __future__ import annotations

import asyncio
import os
import re
from typing import Any

from eval.errors import PeerError
from eval.runs.records import Record
from rag.config import ModelConfig
from rag.llm import is_loopback

PASSES_FROM = 1.0
"""Its score is a share of claims; an answer passes here, as with the judge, if all of them are supported."""


class RagasFaithfulness:
    """``ragas.metrics.collections.Faithfulness`` at the configured endpoint. Raises PeerError without ragas."""

    name = "ragas faithfulness"

    def __init__(self, config: ModelConfig) -> None:
        # It counts its users over the network unless told not to, and reads that when imported.
        os.environ["RAGAS_DO_NOT_TRACK"] = "true"
        try:
            import httpx
            from openai import AsyncOpenAI
            from ragas.llms import llm_factory
            from ragas.metrics.collections import Faithfulness
        except ImportError as error:
            raise PeerError(f"ragas is not installed here ({error.name}): pip install 'footnoted[ragas]'") from error
        key = os.environ.get(config.key_env, "").strip() or "none"
        # As everywhere: no redirect carries an answer to another host, and no proxy sees what stays on this machine.
        http = httpx.AsyncClient(follow_redirects=False, trust_env=not is_loopback(config.base_url))
        client = AsyncOpenAI(
            base_url=config.base_url, api_key=key, timeout=config.total_seconds, max_retries=1, http_client=http
        )
        self._metric: Any = Faithfulness(llm=llm_factory(config.name, client=client, max_tokens=1024))
        # One loop for all answers: the client's connections belong to the loop that opened them.
        self._loop = asyncio.new_event_loop()

    def __call__(self, record: Record) -> bool | None:
        """None where it gives no number. Raises PeerError where its model fails it."""
        answer = record.answer
        if answer is None or answer["outcome"] != "answered" or not answer["claims"]:
            return None
        try:
            result = self._loop.run_until_complete(
                self._metric.ascore(
                    user_input=record.question.question,
                    response=" ".join(claim["text"] for claim in answer["claims"]),
                    retrieved_contexts=[f"{source['title']}\n{source['text']}" for source in answer["sources"]],
                )
            )
        except Exception as error:  # noqa: BLE001 - it has no error tree of its own, and its packages have many
            said = re.sub(r"(?i)(bearer|sk-)\S+", "***", " ".join(str(error).split()))[:160]
            raise PeerError(
                f"ragas failed on '{record.question.question_id}' ({type(error).__name__}: {said})"
            ) from None
        score = float(result.value)
        return None if score != score else score >= PASSES_FROM

    def close(self) -> None:
        self._loop.close()

"""The judge as a llama-index evaluator: is a response faithful to its contexts?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from llama_index.core.evaluation import BaseEvaluator, EvaluationResult

from rag.answer.citations import split_marked
from rag.judge.judgement import Judge
from rag.judge.opening import open_judge
from rag.sentences import split_sentences


class FootnotedEvaluator(BaseEvaluator):
    """Judges each sentence of a response against all of its contexts; asks no model of its own accord.

    ``score`` is the share of the sentences that are supported, ``passing`` whether all are,
    and ``feedback`` names each that is not, with the reasons. A response in which nothing
    can be judged (none at all, or no contexts) is ``invalid_result``, neither good nor bad.
    """

    def __init__(self, judge: Judge | None = None) -> None:
        self._judge = judge or open_judge()

    async def aevaluate(
        self,
        query: str | None = None,
        response: str | None = None,
        contexts: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> EvaluationResult:
        return await asyncio.to_thread(self._evaluated, query, response, contexts)

    def _evaluated(self, query: str | None, response: str | None, contexts: Sequence[str] | None) -> EvaluationResult:
        evidence = [span.of(text) for text in contexts or () for span in split_sentences(text)]
        judged = [(draft.text, self._judge.judge(draft.text, evidence)) for draft in split_marked(response or "")]
        scored = [(text, one) for text, one in judged if one.scorable]
        known: dict[str, Any] = {"query": query, "response": response, "contexts": contexts}
        if not scored:
            reason = judged[0][1].reasons[0] if judged else "the response holds no sentence"
            return EvaluationResult(**known, invalid_result=True, invalid_reason=reason)
        failed = [(text, one) for text, one in scored if one.verdict != "supported"]
        lines = [f"{one.verdict}: {text} ({'; '.join(one.reasons)})" for text, one in failed]
        return EvaluationResult(
            **known,
            passing=not failed,
            score=1 - len(failed) / len(scored),
            feedback="\n".join(lines) or "every sentence is supported",
        )

    def _get_prompts(self) -> dict[str, Any]:
        return {}

    def _update_prompts(self, prompts: Any) -> None:
        """There are none: the judge is no prompt."""

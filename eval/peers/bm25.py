"""Plain BM25 that quotes: what words alone can do. No embedding, no reranking, no thought of saying no."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eval.peers.answers import answer_json, citation_json, source_json
from eval.questions import Question
from rag.llm import LanguageModel
from rag.sentences import split_sentences
from rag.types import Paper

K1, B = 1.2, 0.75
"""As Robertson and Zaragoza 2009 and every search engine have them; not tuned here."""

N_QUOTES = 3


class BM25:
    """Robertson and Zaragoza 2009, 'The Probabilistic Relevance Framework: BM25 and Beyond', equation 3.15, with
    idf = ln(1 + (N - n + 0.5) / (n + 0.5))."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._counts = [Counter(words(text)) for text in texts]
        self._lengths = [sum(counts.values()) for counts in self._counts]
        self._mean = sum(self._lengths) / max(len(self._lengths), 1) or 1.0
        self._n_with = Counter(word for counts in self._counts for word in counts)

    def scores(self, question: str) -> list[float]:
        """One for each text, in their order; 0.0 for one that shares no word."""
        n = len(self._counts)
        weights = {
            word: math.log(1 + (n - self._n_with[word] + 0.5) / (self._n_with[word] + 0.5)) for word in words(question)
        }
        return [
            sum(
                weight * counts[word] * (K1 + 1) / (counts[word] + K1 * (1 - B + B * length / self._mean))
                for word, weight in weights.items()
                if word in counts
            )
            for counts, length in zip(self._counts, self._lengths, strict=True)
        ]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


class BM25Quoting:
    """The three best sentences of the best paper, in reading order; says no only where no word is shared."""

    def __init__(self, papers: Sequence[Paper], n_sources: int) -> None:
        self._papers = [paper for paper in papers if paper.abstract.strip()]
        self._index = BM25(f"{paper.title} {paper.abstract}" for paper in self._papers)
        self._n_sources = n_sources

    def __call__(self, question: Question, model: LanguageModel | None) -> Mapping[str, Any]:
        started = time.perf_counter()
        text = " ".join([*(turn.question for turn in question.history[-1:]), question.question])
        scores = self._index.scores(text)
        order = sorted(range(len(scores)), key=lambda place: (-scores[place], self._papers[place].paper_id))
        found = [place for place in order if scores[place] > 0][: self._n_sources]
        sources = [source_json(n, self._papers[place], scores[place]) for n, place in enumerate(found, 1)]
        claims = []
        if found:
            best = self._papers[found[0]]
            spans = list(split_sentences(best.abstract))
            own = BM25(span.of(best.abstract) for span in spans).scores(text)
            picked = sorted(sorted(range(len(spans)), key=lambda at: (-own[at], at))[:N_QUOTES])
            for at in picked:
                quote = spans[at].of(best.abstract)
                citation = citation_json(1, best.paper_id, best.title, quote, spans[at].start)
                claims.append({"text": quote, "citations": [citation], "is_quote": True})
        return answer_json(question, claims, sources, model=None, seconds=time.perf_counter() - started)

"""Rung 2: a language model as judge, with its quote checked and its word not taken for more than it is."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import prompts
from rag.context import neutralise
from rag.errors import ModelError
from rag.judge.judgement import Judgement, JudgeVerdict, cannot_judge
from rag.judge.orders import without_orders
from rag.judge.scorable import is_blank
from rag.llm import LanguageModel, priced
from rag.types import Usage

MAX_REPLY_CHARACTERS = 4_000
"""A verdict and a quote take a few hundred; a model that goes on does not judge."""

MIN_QUOTE_CHARACTERS = 12

_VERDICTS: dict[str, JudgeVerdict] = {"A": "supported", "B": "partial", "C": "contradicted", "D": "unsupported"}
_PROBABILITIES: dict[JudgeVerdict, float] = {
    "supported": 0.9,
    "partial": 0.4,
    "unsupported": 0.1,
    "contradicted": 0.03,
    "unchecked": 0.5,
}
_LETTER = re.compile(r"(?<![A-Za-z])([ABCD])(?![A-Za-z])")
_ARTICLE = re.compile(r"(?:^|(?<=[.!?:\n])\s*)A(?= (?!because|since|as |seems|is |fits|would)[a-z])")
"""'A claim like this': an article, and no verdict."""

_NAMED = re.compile(r"verdict\W{0,6}([ABCD])(?![A-Za-z])", re.IGNORECASE)


class ModelJudge:
    """Asks ``model`` about one claim at a time; ``repeats`` times, where its word is to be tested.

    A verdict that rests on a quote which the sentences do not hold is taken down: from
    'supported' to 'partial', from anything else to 'unchecked'. What is no verdict, and a
    model that fails, is 'unchecked' with the reason, and not scorable.
    """

    def __init__(self, model: LanguageModel, repeats: int = 1) -> None:
        if repeats < 1:
            raise ValueError("a judge is asked once at least")
        self.model = model
        self.name = f"llm ({model.name})"
        self._repeats = repeats

    def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
        if is_blank(claim):
            return cannot_judge("the claim is empty")
        evidence = without_orders(evidence)
        sentences = [sentence for sentence in evidence if not is_blank(sentence)]
        if not sentences:
            return cannot_judge("there is no text to judge it against")
        said = [self._once(claim, evidence) for _ in range(self._repeats)]
        return replace(self._most_said(said), usage=sum((one.usage for one in said), Usage()))

    @staticmethod
    def _most_said(said: Sequence[Judgement]) -> Judgement:
        scorable = [one for one in said if one.scorable]
        if not scorable:
            return said[0]
        counts = Counter(one.verdict for one in scorable)
        verdict, n = counts.most_common(1)[0]
        first = next(one for one in scorable if one.verdict == verdict)
        if len(said) == 1:
            return first
        probability = sum(_PROBABILITIES[one.verdict] for one in scorable) / len(scorable)
        tally = f"asked {len(said)} times, said so {n} times"
        return replace(first, probability=probability, reasons=(*first.reasons, tally), agreed=n / len(said))

    def _once(self, claim: str, evidence: Sequence[str]) -> Judgement:
        numbered = "\n".join(f"({n}) {neutralise(sentence)}" for n, sentence in enumerate(evidence, 1))
        messages = prompts.load("judge").render(sources=numbered, claim=neutralise(claim))
        reply = ""
        try:
            with self.model.stream(messages) as stream:
                for piece in stream:
                    reply += piece
                    if len(reply) > MAX_REPLY_CHARACTERS:
                        break
        except ModelError as error:
            return cannot_judge(f"the judging model failed: {error}")
        return replace(self._judgement(reply, evidence), usage=priced(stream.usage, self.model))

    def _judgement(self, reply: str, evidence: Sequence[str]) -> Judgement:
        letter, quote = parse(reply)
        if letter is None:
            return cannot_judge("the judging model gave no verdict")
        verdict = _VERDICTS[letter]
        sentence = _holding(quote, evidence)
        reasons: tuple[str, ...] = (f"the model {self.model.name} judges it {verdict}",)
        if quote and sentence is None:
            verdict = "partial" if verdict == "supported" else "unchecked"
            reasons = (*reasons, "but quotes words that do not stand there")
        elif not quote and verdict in ("supported", "contradicted"):
            verdict = "partial" if verdict == "supported" else "unchecked"
            reasons = (*reasons, "but names no words that say so")
        return Judgement(verdict, _PROBABILITIES[verdict], sentence, reasons, scorable=verdict != "unchecked")


def parse(reply: str) -> tuple[str | None, str]:
    """The last verdict that was given, from the letters offered, and the quote that goes with it.

    JSON first, then ``verdict: B``, then the last letter that stands alone. None where there is no letter, or
    where one verdict holds several.
    """
    for found in reversed(list(re.finditer(r"\{[^{}]*\}", reply))):
        try:
            value = json.loads(found[0])
        except ValueError:
            continue
        if isinstance(value, dict) and isinstance(value.get("verdict"), str):
            letters = set(_LETTER.findall(value["verdict"].upper()))
            quote = value.get("quote")
            return letters.pop() if len(letters) == 1 else None, quote.strip() if isinstance(quote, str) else ""
    quote = next(iter(re.findall(r'"quote"\s*:\s*"([^"]*)"', reply)), "")
    named = _NAMED.findall(reply) or _LETTER.findall(_ARTICLE.sub("", reply))
    return (named[-1].upper() if named else None), quote.strip()


def _holding(quote: str, evidence: Sequence[str]) -> int | None:
    """The place of the sentence that holds most of the quote; None if the sentences together do not hold it."""
    wanted = _plain(quote)
    if len(wanted) < MIN_QUOTE_CHARACTERS and wanted not in {_plain(sentence) for sentence in evidence}:
        return None
    texts = [_plain(sentence) for sentence in evidence]
    for place, text in enumerate(texts):
        if wanted in text:
            return place
    whole, begins, at = " ".join(texts), [], 0
    for text in texts:
        begins.append(at)
        at += len(text) + 1
    start = whole.find(wanted)
    return None if start < 0 else max(place for place, begin in enumerate(begins) if begin <= start)


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[^\w%.]+|(?<!\d)\.|\.(?!\d)", " ", folded).split())

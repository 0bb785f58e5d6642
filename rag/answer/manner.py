"""How an answer is to be said: how long, how plainly, and in which language."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from rag.context import neutralise
from rag.types import Kind

Length = Literal["shorter", "usual", "longer"]

MAX_EXAMPLE_WORDS = 25
"""Enough of a question to tell its language."""

_SENTENCES: dict[Kind, dict[Length, str]] = {
    "answer": {"shorter": "one short sentence", "usual": "1 to 3 short sentences", "longer": "4 to 8 sentences"},
    "summary": {"shorter": "2 or 3 sentences", "usual": "4 to 8 sentences", "longer": "8 to 15 sentences"},
    "other_side": {"shorter": "1 or 2 sentences", "usual": "1 to 5 short sentences", "longer": "up to 8 sentences"},
    "list": {"shorter": "a few words each", "usual": "the best first", "longer": "the best first"},
    "comparison": {"shorter": "a few words", "usual": "one short sentence", "longer": "one sentence"},
}


CANNOT_TRANSLATE = "Quotes stay in the language of their abstracts: only a model that writes can answer in {language}."
CANNOT_SIMPLIFY = "Quotes keep the words of their abstracts: only a model that writes can say it in simpler ones."
NO_OTHER_LENGTH = "Whole sentences are quoted: only a model that writes could say this {length}."


@dataclass(frozen=True, slots=True)
class Manner:
    length: Length = "usual"
    language: str | None = None
    """Its English name, such as "German"; None for the language of the question."""
    plain: bool = False
    """In words that somebody from outside the field understands."""

    def in_words(self, kind: Kind) -> str:
        """For a prompt: '1 to 3 short sentences, in German'."""
        words = _SENTENCES[kind][self.length]
        if self.plain:
            words = f"{words}, in simple words"
        if kind == "comparison" and self.language:
            return f"{words}, in {self.language}; the row's name stays as it is given"
        return f"{words}, in {self.language}" if self.language else words

    def unmet(self, *, is_same: bool) -> list[str]:
        """What quoting cannot do of it, in words; ``is_same`` says that it came to the same as before."""
        unmet = [CANNOT_TRANSLATE.format(language=self.language)] if self.language not in (None, "English") else []
        if self.plain:
            unmet.append(CANNOT_SIMPLIFY)
        if self.length != "usual" and is_same:
            unmet.append(NO_OTHER_LENGTH.format(length=self.length))
        return unmet

    def like(self, question: str) -> Manner:
        """In the language of ``question``, which is not shown otherwise, unless another one was wished for."""
        if self.language is not None:
            return self
        words = " ".join(neutralise(question).split()[:MAX_EXAMPLE_WORDS])
        return replace(self, language=f"the language of “{words}”")


AS_USUAL = Manner()

"""What contradicts a statement or another sentence: with a scripted model, and with the one that comes along."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from scripted_server import Says, ScriptedServer
from test_gathering import KELP, MOSS, evidence, hit, texts

from rag.answer.citations import Numbering
from rag.answer.drafts import quotations
from rag.answer.opposing import disagreement, quoted_other_side
from rag.config import ModelConfig
from rag.judge.model import Belief
from rag.library import Library
from rag.llm_http import OpenAICompatibleModel
from rag.pipeline import ask
from rag.retrieval.evidence import NOTHING
from rag.types import Paper, cited_paper_ids

NO_VECTOR = np.zeros(3, np.float32)


def alike(_: str) -> Any:
    """Every sentence speaks of the same subject, and none in the same words."""
    return np.array([0.8, 0.0, 0.0], np.float32)


class Believes:
    """Holds that two texts contradict each other where they hold certain words."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self.pairs = pairs

    def beliefs(self, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[Belief]:
        def one(claim: str, sentences: Sequence[str]) -> Belief:
            against = any(
                (a in claim and b in sentences[0]) or (b in claim and a in sentences[0]) for a, b in self.pairs
            )
            return Belief(0.02, 0.95, 0.03) if against else Belief(0.2, 0.1, 0.7)

        return [one(*pair) for pair in pairs]


def test_the_other_side_quotes_only_what_contradicts() -> None:
    hits = [hit("kelp", KELP), hit("moss", MOSS)]
    model: Any = Believes(("Kelp is common", "scarce"))
    assert texts(quoted_other_side("Kelp is common", NO_VECTOR, hits, model, Numbering())) == ["Kelp was scarce."]
    assert quoted_other_side("Moss is wet", NO_VECTOR, hits, model, Numbering()) is None
    assert quoted_other_side("anything", NO_VECTOR, [], model, Numbering()) is None


def test_quotes_of_two_papers_that_contradict_each_other_are_a_disagreement() -> None:
    wet, dry = hit("wet", "Moss is wet."), hit("dry", "Moss is dry.")
    hits = [wet, dry]
    claims = quotations([(wet, wet.chunk.sentences[0]), (dry, dry.chunk.sentences[0])], Numbering())
    model: Any = Believes(("wet", "dry"))
    found = disagreement(claims, hits, NOTHING, model, alike, Numbering())
    assert found is not None and found.reason == "disagreement"
    assert [claim.text for claim in found.claims] == ["Moss is wet.", "Moss is dry."]
    agreeing: Any = Believes()
    assert disagreement(claims, hits, NOTHING, agreeing, alike, Numbering()) is None


def test_one_paper_does_not_disagree_with_itself() -> None:
    both = hit("both", "Moss is wet. Moss is dry.")
    hits = [both]
    claims = quotations([(both, span) for span in both.chunk.sentences], Numbering())
    model: Any = Believes(("wet", "dry"))
    assert disagreement(claims, hits, NOTHING, model, alike, Numbering()) is None


def test_what_was_ranked_beside_a_quote_may_be_the_other_side() -> None:
    wet, dry = hit("wet", "Moss is wet."), hit("dry", "Moss is dry.")
    claims = quotations([(wet, wet.chunk.sentences[0])], Numbering())
    model: Any = Believes(("wet", "dry"))
    near, far = evidence([wet, dry], (0, 0, 5.0), (1, 0, 1.0)), evidence([wet, dry], (0, 0, 5.0), (1, 0, -9.0))
    found = disagreement(claims, [wet, dry], near, model, alike, Numbering())
    assert found is not None and [claim.citations[0].paper_id for claim in found.claims] == ["wet", "dry"]
    assert disagreement(claims, [wet, dry], far, model, alike, Numbering()) is None


def test_sentences_on_different_subjects_are_not_read_against_each_other() -> None:
    wet, dry = hit("wet", "Moss is wet."), hit("dry", "Moss is dry.")
    claims = quotations([(wet, wet.chunk.sentences[0]), (dry, dry.chunk.sentences[0])], Numbering())

    def apart(text: str) -> Any:
        return np.array([1.0, 0.0] if "wet" in text else [0.0, 1.0], np.float32)

    model: Any = Believes(("wet", "dry"))
    assert disagreement(claims, [wet, dry], NOTHING, model, apart, Numbering()) is None


def test_the_surest_sentences_come_first_and_only_so_many() -> None:
    hits = [hit(f"p{n}", "Kelp was scarce. Kelp was really scarce.") for n in range(4)]
    model: Any = Believes(("Kelp is common", "scarce"))
    assert len(texts(quoted_other_side("Kelp is common", NO_VECTOR, hits, model, Numbering()))) == 5
    assert len(texts(quoted_other_side("Kelp is common", NO_VECTOR, hits, model, Numbering(), "shorter"))) == 2


# With the model that comes along.

TAX = "The carbon tax reduced household emissions by 7 per cent within four years."
NO_TAX = "We find no reduction in household emissions after the carbon tax was introduced."
QUESTION = "Do carbon taxes reduce household emissions?"


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    papers = [
        Paper("one", "Carbon taxes cut emissions of households", f"A carbon tax came in 2008. {TAX}"),
        Paper("other", "Do households respond to carbon prices?", f"We study a carbon tax on energy use. {NO_TAX}"),
        Paper("kelp", "Kelp", KELP),
        Paper("moss", "Moss", MOSS),
    ]
    with Library.open(tmp_path_factory.mktemp("pile") / "library") as library:
        library.add(papers)
        yield library


def test_abstracts_that_disagree_are_cited_on_both_sides(pile: Library) -> None:
    answer = ask(pile, QUESTION)
    assert (answer.outcome, answer.reason) == ("abstained", "disagreement")
    assert set(cited_paper_ids(answer.claims)) == {"one", "other"}
    assert all(claim.is_quote and claim.verdict == "supported" for claim in answer.claims)
    assert TAX in answer.text and NO_TAX in answer.text


def test_what_speaks_against_a_statement_is_quoted_and_what_bears_it_out_is_not(pile: Library) -> None:
    answer = ask(pile, "What disagrees with the claim that carbon taxes reduced household emissions?")
    assert answer.kind == "other_side"
    assert answer.claims[0].text == NO_TAX
    assert TAX not in answer.text


def test_beside_what_a_model_writes_the_disagreement_is_a_note(pile: Library) -> None:
    with ScriptedServer(Says(f"{TAX[:-1]} [1].")) as server:
        model = OpenAICompatibleModel(ModelConfig(server.base_url, "scripted", context_tokens=16_000, max_retries=0))
        answer = ask(pile, QUESTION, model=model)
    assert answer.outcome == "answered"
    (note,) = (note for note in answer.notes if "disagree" in note)
    assert TAX in note and NO_TAX in note

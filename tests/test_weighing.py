"""Whether a small model's word stands, weighed with what was found and with the check; and what all of it took."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from command import first_papers
from scripted_server import Says, ScriptedServer, Status

from rag.answer.weighing import NO_USE_IN_ASKING, SURE_ABOVE, is_worth_asking, why_quote_instead
from rag.config import ModelConfig
from rag.conversation import Wanted
from rag.judge.opening import open_judge
from rag.library import Library
from rag.llm_http import OpenAICompatibleModel
from rag.pipeline import ask
from rag.retrieval.evidence import Evidence
from rag.types import Answer, Claim, Usage

pytestmark = pytest.mark.slow

QUESTION = "How is driver attention predicted by FBLNet?"
FACT = "FBLNet models the accumulation of driving experience"
SMALL = OpenAICompatibleModel(ModelConfig("http://127.0.0.1:9/v1", "small", context_tokens=4096))
LARGE = OpenAICompatibleModel(ModelConfig("http://127.0.0.1:9/v1", "large", context_tokens=32_000))
WANTED = Wanted(QUESTION, "answer", QUESTION)


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("pile") / "library") as library:
        library.add(first_papers(6))
        yield library


def told(pile: Library, *replies: str, context_tokens: int = 4096, question: str = QUESTION) -> tuple[Answer, int]:
    """The answer to scripted replies, and how many requests it took."""
    with ScriptedServer(*map(Says, replies)) as server:
        config = ModelConfig(server.base_url, "scripted", context_tokens=context_tokens, max_retries=0)
        answer = ask(pile, question, model=OpenAICompatibleModel(config))
        return answer, len(server.requests)


def test_a_small_model_is_asked_only_where_quoting_would_answer() -> None:
    def asked(log_odds: float, model: OpenAICompatibleModel, hits: tuple[object, ...] = (object(),)) -> bool:
        wanted = Wanted(QUESTION, "answer", QUESTION, about=("one",))
        return is_worth_asking(wanted, hits, Evidence((), log_odds), model, -1.0)  # type: ignore[arg-type]

    assert asked(-0.9, SMALL) and not asked(-1.1, SMALL)
    assert asked(NO_USE_IN_ASKING - 1, LARGE)
    assert not asked(5.0, LARGE, ()) and not asked(5.0, SMALL, ())


@pytest.mark.parametrize(
    ("log_odds", "declined", "verdicts", "quotes"),
    [
        (SURE_ABOVE + 0.1, True, (), True),
        (SURE_ABOVE - 0.1, True, (), False),
        (-0.5, False, ("unsupported", "uncited"), True),
        (-0.5, False, ("unsupported", "supported"), False),
        (-0.5, False, ("unchecked",), False),
        (math.inf, False, (), False),
    ],
)
def test_a_small_models_word_stands_or_not(
    log_odds: float, declined: bool, verdicts: tuple[str, ...], quotes: bool
) -> None:
    claims = [Claim("Kelp grows.", (), verdict) for verdict in verdicts]  # type: ignore[arg-type]
    evidence = Evidence((), log_odds)
    assert (why_quote_instead(WANTED, evidence, SMALL, declined=declined, claims=claims) is not None) == quotes
    assert why_quote_instead(WANTED, evidence, LARGE, declined=declined, claims=claims) is None
    listed = Wanted(QUESTION, "list", QUESTION)
    assert why_quote_instead(listed, evidence, SMALL, declined=declined, claims=claims) is None


def test_where_a_small_model_declines_what_was_surely_found_is_quoted_and_said_so(pile: Library) -> None:
    answer, n_requests = told(pile, "NOT IN THE SOURCES")
    assert (answer.outcome, n_requests) == ("answered", 1)
    assert answer.claims and all(claim.is_quote and claim.verdict == "supported" for claim in answer.claims)
    assert answer.claims[0].citations[0].title.startswith("FBLNet")
    assert any("found no answer" in note for note in answer.notes)
    shown = {source.hit.paper.paper_id for source in answer.sources}
    assert {citation.paper_id for claim in answer.claims for citation in claim.citations} <= shown


def test_where_nothing_that_a_small_model_wrote_passes_the_abstracts_are_quoted(pile: Library) -> None:
    answer, n_requests = told(pile, "It was tested on 93 motorways in Spain [1].")
    assert (answer.outcome, n_requests) == ("answered", 1)
    assert all(claim.is_quote and claim.verdict == "supported" for claim in answer.claims)
    assert "93" not in answer.text


def test_a_small_model_is_shown_few_sentences_and_told_little(pile: Library) -> None:
    with ScriptedServer(Says(f"{FACT} [1].")) as server:
        config = ModelConfig(server.base_url, "scripted", context_tokens=4096, max_retries=0)
        answer = ask(pile, QUESTION, model=OpenAICompatibleModel(config))
        system, user = (message["content"] for message in server.requests[0].body["messages"])
    assert 1 <= sum(len(source.sentences) for source in answer.sources) <= 5
    assert len(system.split()) < 90
    assert user.index("<<<") < user.index("Question:")


def test_what_is_asked_to_correct_a_sentence_counts_as_used(pile: Library) -> None:
    answer, n_requests = told(
        pile, f"{FACT} [1]. It was tested on 93 datasets [1].", "It was tested on 94 datasets.", context_tokens=16_000
    )
    assert n_requests == 2
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (22, 14)


def test_what_a_judging_model_takes_counts_as_used_and_is_priced(pile: Library) -> None:
    verdict = '{"quote": "driving experience accumulation procedure", "verdict": "A"}'
    with ScriptedServer(Says(f"{FACT} [1]. It was tested on 93 datasets [1]."), Says(verdict), Says(verdict)) as server:
        config = ModelConfig(
            server.base_url, "scripted", context_tokens=16_000, max_retries=0, price_in=2.0, price_out=4.0
        )
        model = OpenAICompatibleModel(config)
        answer = ask(pile, QUESTION, model=model, judge=open_judge("llm", model), repair=False)
        n_requests = len(server.requests)
    assert n_requests == 3
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (11 * n_requests, 7 * n_requests)
    assert answer.usage.cost == pytest.approx(n_requests * (11 * 2.0 + 7 * 4.0) / 1_000_000)


def test_a_judge_without_a_model_takes_nothing(pile: Library) -> None:
    assert ask(pile, QUESTION).usage == Usage()


def test_a_sum_of_usage_knows_its_cost_only_where_each_part_does() -> None:
    assert Usage(1, 2, 0.5) + Usage() == Usage(1, 2, 0.5)
    assert Usage(1, 2, 0.5) + Usage(3, 4, 0.25) == Usage(4, 6, 0.75)
    assert Usage(1, 2, 0.5) + Usage(3, 4) == Usage(4, 6)
    assert sum([Usage(), Usage(None, 4)], Usage()) == Usage(None, 4)


def test_what_was_used_before_a_model_failed_counts_too(pile: Library) -> None:
    with ScriptedServer(Says("method: It loops."), Status(500)) as server:
        model = OpenAICompatibleModel(ModelConfig(server.base_url, "scripted", context_tokens=16_000, max_retries=0))
        about = tuple(one.paper_id for one in pile.listed(None))[:2]
        answer = ask(pile, "Compare these papers", model=model, kind="comparison", about=about)
    assert (answer.outcome, answer.usage.prompt_tokens, answer.usage.completion_tokens) == ("failed", 11, 7)
    assert answer.table is not None and answer.table.paper_ids == about[:1]

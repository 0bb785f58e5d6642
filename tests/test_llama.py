"""Search, answers and judge as a user of llama-index calls them, with the real llama-index, at once and awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from command import first_papers
from llama_index.core.base.response.schema import Response
from llama_index.core.evaluation import BatchEvalRunner, EvaluationResult
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import NodeWithScore, QueryBundle
from scripted_server import Says, ScriptedServer, Status

from rag.config import ModelConfig
from rag.library import Library
from rag.llama.engines import FootnotedQueryEngine, FootnotedRetriever
from rag.llama.evaluator import FootnotedEvaluator
from rag.llm import open_model
from rag.retrieval import search

pytestmark = pytest.mark.slow

QUESTION = "How is driver attention predicted by FBLNet?"
FAR = "Which pizza topping do penguins prefer on Sundays in Antarctica?"
FACT = "FBLNet models the accumulation of driving experience"


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("pile") / "library") as library:
        library.add(first_papers(6))
        yield library


@pytest.fixture(autouse=True)
def _loop() -> Iterator[None]:
    """The calls of llama-index that are not awaited make an event loop of their own, and leave it open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()
    asyncio.set_event_loop(None)


def ids(nodes: list[NodeWithScore]) -> list[str]:
    return [node.node.node_id for node in nodes]


def test_the_retriever_finds_what_search_finds_in_its_order(pile: Library) -> None:
    hits = search(pile, QUESTION, k=3)
    nodes = FootnotedRetriever(pile, k=3).retrieve(QUESTION)
    assert ids(nodes) == [hit.chunk.chunk_id for hit in hits]
    assert [node.score for node in nodes] == [hit.score for hit in hits]
    assert all(node.score is not None and 0 <= node.score <= 1 for node in nodes)
    assert nodes[0].node.metadata["title"].startswith("FBLNet")
    assert nodes[0].get_content().strip() == hits[0].text.strip()
    assert ids(asyncio.run(FootnotedRetriever(pile, k=3).aretrieve(QueryBundle(QUESTION)))) == ids(nodes)


def test_the_retriever_serves_llama_indexs_own_query_engine(pile: Library) -> None:
    engine = RetrieverQueryEngine.from_args(FootnotedRetriever(pile, k=2), llm=MockLLM())
    response = engine.query(QUESTION)
    assert len(response.source_nodes) == 2
    assert "FBLNet" in str(response), "the mock model repeats its prompt, and the abstract is in it"


def test_the_query_engine_answers_as_ask_does(pile: Library) -> None:
    response = FootnotedQueryEngine(pile).query(QUESTION)
    assert isinstance(response, Response)
    assert response.metadata is not None
    assert (response.metadata["outcome"], response.metadata["model"]) == ("answered", None)
    assert str(response) == response.metadata["text"]
    assert "[1]" in str(response)
    cited = response.metadata["claims"][0]["citations"][0]
    assert pile.paper(cited["paper_id"]).abstract[cited["start"] : cited["end"]] == cited["quote"]
    assert response.source_nodes[0].node.ref_doc_id == cited["paper_id"]
    awaited = asyncio.run(FootnotedQueryEngine(pile, n_sources=2).aquery(QUESTION))
    assert str(awaited) == str(response)
    assert len(awaited.source_nodes) == 2


def test_the_query_engine_says_why_it_does_not_answer_and_keeps_a_failure_apart(pile: Library) -> None:
    response = FootnotedQueryEngine(pile).query(FAR)
    assert response.metadata is not None and response.metadata["outcome"] == "abstained"
    assert "No abstract" in str(response) or "do not say" in str(response)
    with ScriptedServer(Status(500)) as server:
        model = open_model(ModelConfig(server.base_url, "scripted", max_retries=0))
        failed = FootnotedQueryEngine(pile, model).query(QUESTION)
    assert failed.metadata is not None and failed.metadata["outcome"] == "failed"
    assert str(failed) == failed.metadata["error"]
    assert failed.source_nodes


def test_the_query_engine_writes_with_a_model_and_checks_it(pile: Library) -> None:
    with ScriptedServer(Says(f"{FACT} [1]. It was tested on 93 datasets [1].")) as server:
        model = open_model(ModelConfig(server.base_url, "scripted", max_retries=0))
        response = FootnotedQueryEngine(pile, model).query(QUESTION)
    assert response.metadata is not None
    assert [claim["verdict"] for claim in response.metadata["claims"]] == ["supported", "unsupported"]


CONTEXTS = ["Giant kelp grows 60 centimetres a day in summer. Divers counted its fronds for two years."]
TRUE, FALSE = "Giant kelp grows 60 centimetres a day in summer.", "Giant kelp grows 90 centimetres a day in summer."


def test_the_evaluator_passes_what_the_contexts_say_and_names_what_they_do_not() -> None:
    evaluator = FootnotedEvaluator()
    good = evaluator.evaluate(query="How fast?", response=TRUE, contexts=CONTEXTS)
    assert (good.passing, good.score, good.invalid_result) == (True, 1.0, False)
    half = asyncio.run(evaluator.aevaluate(query="How fast?", response=f"{TRUE} {FALSE}", contexts=CONTEXTS))
    assert (half.passing, half.score) == (False, 0.5)
    assert half.feedback is not None and FALSE in half.feedback and TRUE not in half.feedback


def test_what_cannot_be_judged_is_neither_good_nor_bad() -> None:
    evaluator = FootnotedEvaluator()
    for response, contexts in (("", CONTEXTS), (None, CONTEXTS), (TRUE, []), (TRUE, None)):
        found = evaluator.evaluate(response=response, contexts=contexts)
        assert found.invalid_result and found.invalid_reason
        assert (found.passing, found.score) == (None, None)


@pytest.mark.filterwarnings("ignore:asyncio_module")  # llama-index's batch runner calls what llama-index deprecated
def test_the_evaluator_judges_a_response_and_runs_in_batches(pile: Library) -> None:
    response = FootnotedQueryEngine(pile).query(QUESTION)
    assert isinstance(response, Response)
    found = FootnotedEvaluator().evaluate_response(query=QUESTION, response=response)
    assert (found.passing, found.score) == (True, 1.0)

    runner = BatchEvalRunner({"footnoted": FootnotedEvaluator()}, workers=2)
    results: dict[str, list[EvaluationResult]] = asyncio.run(
        runner.aevaluate_response_strs(
            queries=["How fast?", "How fast?"], response_strs=[TRUE, FALSE], contexts_list=[CONTEXTS, CONTEXTS]
        )
    )
    assert [one.passing for one in results["footnoted"]] == [True, False]

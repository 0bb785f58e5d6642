"""Other systems over the same library and endpoint, their answers in the same form, and how far evaluators agree."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from eval import cli
from eval.measures import RIGHT_PAPER, score
from eval.measures.citing import QUOTES_EXACT
from eval.peers.agreement import agreement, all_supported
from eval.peers.bm25 import BM25, BM25Quoting
from eval.questions import Question, to_json
from eval.runs.judged import Judged, JudgedClaim, Opinion
from eval.runs.records import Record
from rag.config import ModelConfig
from rag.embedding import BundledEmbedder
from rag.errors import ModelError
from rag.library import Library
from rag.llm_http import OpenAICompatibleModel
from tests.scripted_server import Says, ScriptedServer, Status
from tests.test_eval_runner import PAPERS, questions

KELP = Question("kelp", "How fast does giant kelp grow a day?", True, relevant=("kelp",), must=("60",))


def test_bm25_on_two_texts_worked_by_hand() -> None:
    # 'kelp' stands once in one of two texts of 2 words each: idf = ln(1 + 1.5/1.5), tf part 2.2/(1 + 1.2).
    assert BM25(["kelp grows", "bees dance"]).scores("kelp") == [pytest.approx(math.log(2)), 0.0]
    assert BM25([]).scores("kelp") == []


def test_bm25_quotes_the_best_paper_letter_for_letter() -> None:
    answer = BM25Quoting(PAPERS, 6)(KELP, None)
    record = Record(KELP, answer)
    assert answer["outcome"] == "answered"
    assert score(RIGHT_PAPER, record) is True
    assert score(QUOTES_EXACT, record) == 1.0
    assert BM25Quoting(PAPERS, 6)(Question("x", "zzz?", False), None)["outcome"] == "abstained"


@pytest.mark.slow
def test_llama_indexs_engine_answers_through_the_same_endpoint() -> None:
    from eval.peers.llama import CitationEngine, LlamaFaithfulness

    engine = CitationEngine(PAPERS, BundledEmbedder(), 2)
    with ScriptedServer(
        Says("Giant kelp grows 60 centimetres a day. [1] Some say it flies [7].", usage=(50, 9)),
        Says("None of the sources are helpful."),
        Says("YES, it does."),
        Status(500),
    ) as server:
        model = OpenAICompatibleModel(ModelConfig(server.base_url, "scripted", max_retries=0))
        answer = engine(KELP, model)
        sent = server.requests[0].body["messages"][-1]["content"]
        assert "Source 1:" in sent and "Giant kelp grows 60 centimetres" in sent
        assert [claim["text"] for claim in answer["claims"]] == [
            "Giant kelp grows 60 centimetres a day.",
            "Some say it flies.",
        ]
        assert [[one["paper_id"] for one in claim["citations"]] for claim in answer["claims"]] == [["kelp"], [None]]
        assert answer["usage"] == {"prompt_tokens": 50, "completion_tokens": 9}
        assert {source["paper_id"] for source in answer["sources"]} == {"kelp", "bees"}
        assert engine(KELP, model)["outcome"] == "abstained"
        evaluator = LlamaFaithfulness(model, None)
        assert evaluator(Record(KELP, answer)) is True
        with pytest.raises(ModelError):
            evaluator(Record(KELP, answer))


def judged(record: Record, *supported: bool) -> Record:
    import dataclasses

    opinions = [Opinion("supported" if one else "unsupported", 0.5) for one in supported]
    claims = tuple(JudgedClaim(one, (one,), (Opinion("uncited", 0.0),), ("kelp",)) for one in opinions)
    return dataclasses.replace(record, judged=Judged("by hand", claims))


def test_agreement_is_counted_beyond_chance() -> None:
    answer = BM25Quoting(PAPERS, 6)(KELP, None)
    ours = [True, True, False, False]
    theirs = iter([True, False, False, ModelError("it failed")])
    records = [judged(Record(KELP, answer), one) for one in ours]

    def evaluator(record: Record) -> bool:
        said = next(theirs)
        if isinstance(said, Exception):
            raise said
        return said

    found = agreement("other", evaluator, [*records, Record(KELP, None, "failed")])
    assert (found.n, found.n_failed, found.error) == (3, 1, "it failed")
    assert (found.ours_passed, found.theirs_passed, found.agreed) == (2 / 3, 1 / 3, 2 / 3)
    # Observed 2/3, by chance 2/3 * 1/3 + 1/3 * 2/3 = 4/9: (2/3 - 4/9) / (1 - 4/9).
    assert found.kappa == pytest.approx(0.4)
    assert all_supported(judged(Record(KELP, answer), True, False)) is False


@pytest.mark.slow
def test_the_command_puts_three_systems_into_one_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text("".join(json.dumps(to_json(one)) + "\n" for one in questions(2)), "utf-8")
    with Library.open(tmp_path / "library") as library:
        library.add(PAPERS)
    says = [Says("Giant kelp grows 60 centimetres a day in summer [1].")] * 4 + [Says("YES")] * 4
    arguments: list[Any] = ["peers", "--questions", file, "--library", tmp_path / "library", "--judge", "rules"]
    with ScriptedServer(*says) as server:
        arguments += ["--base-url", server.base_url, "--model", "scripted", "--at-once", "1", "--no-cache"]
        arguments += ["--out", tmp_path / "out"]
        assert cli.main([str(one) for one in arguments]) == 0
    said = capsys.readouterr()
    assert "footnoted" in said.out and "bm25" in said.out and "llama-index" in said.out
    assert "FaithfulnessEvaluator on footnoted: passes 100.0 %" in said.out
    assert "ragas" in said.err + said.out
    for name in ("peers.md", "peers.json", "bm25/report.html", "llama-index/run.jsonl", "footnoted/scores.json"):
        assert (tmp_path / "out" / name).exists(), name
    assert cli.main([*map(str, arguments[:7]), "--quote", "--json"]) == 0
    quoting = capsys.readouterr()
    assert set(json.loads(quoting.out)["systems"]) == {"footnoted", "bm25"}
    assert "llama-index is left out" in quoting.err

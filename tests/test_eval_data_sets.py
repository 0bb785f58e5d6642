"""Public sets in their own formats, drafts from a library, and the set of judged answers that ships."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from eval import cli
from eval.data_sets import FORMATS, read
from eval.data_sets.drafts import by_model, by_rules
from eval.errors import DataSetError
from eval.judge_data import read_claims
from eval.judge_rates import error_rates, judged_answers_path
from eval.questions import load, resolve
from rag.config import ModelConfig
from rag.judge.opening import open_judge
from rag.llm_http import OpenAICompatibleModel
from rag.readers import read_papers
from rag.types import Paper
from tests.scripted_server import Says, ScriptedServer


def lines(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_a_beir_folder(tmp_path: Path) -> None:
    lines(tmp_path / "corpus.jsonl", {"_id": "d1", "title": "Kelp", "text": "It grows."}, {"_id": "d2", "text": "x"})
    lines(tmp_path / "queries.jsonl", {"_id": "1", "text": "How fast?"}, {"_id": "2", "text": "Unjudged"})
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\n1\td1\t1\n1\td2\t0\n1\tgone\t1\n", "utf-8"
    )
    found = read("beir", tmp_path)
    assert [paper.title for paper in found.papers] == ["Kelp", "d2"]
    (question,) = found.questions
    assert (question.question_id, question.relevant) == ("1", ("d1",))
    assert found.notes == ("1 judgements are about a query or a document that is not there",)
    with pytest.raises(DataSetError, match=r"qrels/dev\.tsv is not there"):
        read("beir", tmp_path, split="dev")


def test_pubmedqa_as_it_is_published_and_as_lines(tmp_path: Path) -> None:
    row = {
        "QUESTION": "Do plants sleep?",
        "CONTEXTS": ["We watched.", "They closed."],
        "LABELS": ["METHODS", "RESULTS"],
        "LONG_ANSWER": "They seem to.",
        "final_decision": "yes",
    }
    path = tmp_path / "ori_pqal.json"
    path.write_text(json.dumps({"21645374": row}), "utf-8")
    (question,) = read("pubmedqa", tmp_path).questions
    (paper,) = read("pubmedqa", path).papers
    assert question.reference == "Yes. They seem to."
    assert paper.abstract == "METHODS: We watched.\nRESULTS: They closed."
    assert question.relevant == (paper.paper_id,) == ("pmid:21645374",)
    own = {"id": "5", "question": "?", "contexts": ["a"], "context_labels": ["A"], "long_answer": "b", "answer": "no"}
    lined = lines(tmp_path / "own.jsonl", own, {**own, "id": "6", "split": "test"})
    assert [one.question_id for one in read("pubmedqa", lined, split="dev").questions] == ["pubmedqa-5"]


def test_scifact_in_its_own_format(tmp_path: Path) -> None:
    lines(
        tmp_path / "corpus.jsonl",
        {"doc_id": 7, "title": "Kelp", "abstract": ["Kelp grows.", "It is brown."], "structured": False},
        {"doc_id": 8, "title": "Bees", "abstract": ["Bees dance."], "structured": False},
    )
    supported = {"7": [{"sentences": [0], "label": "SUPPORT"}]}
    lines(
        tmp_path / "claims_dev.jsonl",
        {"id": 1, "claim": "Kelp grows fast.", "evidence": supported, "cited_doc_ids": [7, 8]},
        {"id": 2, "claim": "Bees sing.", "evidence": {}, "cited_doc_ids": [8]},
    )
    found = read("scifact", tmp_path)
    yes, no = found.questions
    assert (yes.question, yes.evidence, yes.answerable) == ("Is it true that kelp grows fast?", ("Kelp grows.",), True)
    assert (no.answerable, no.relevant) == (False, ())
    assert [claim["label"] for claim in found.claims] == ["supported", "not supported", "not supported"]
    assert len(resolve(found.questions, found.papers)) == 2


def test_scifact_claims_without_labels_are_not_taken_for_unanswerable(tmp_path: Path) -> None:
    lines(tmp_path / "corpus.jsonl", {"doc_id": 7, "title": "Kelp", "abstract": ["Kelp grows."]})
    lines(tmp_path / "claims_test.jsonl", {"id": 1, "claim": "Kelp grows fast."}, {"id": 2, "claim": "Bees sing."})
    with pytest.raises(DataSetError, match="take the split train or dev"):
        read("scifact", tmp_path, split="test")


def test_passages_of_one_paper_are_one_paper_and_places_point_to_those_that_answer(tmp_path: Path) -> None:
    paragraphs = [
        {"id": "abc_all_0", "title": "Introduction", "text": "Kelp is brown."},
        {"id": "abc_all_1", "title": "Growth", "text": "Kelp grows 60 cm a day."},
        {"id": "abc_all_2", "title": "Depth", "text": "It lives down to 40 m."},
    ]
    lines(
        tmp_path / "qasa_test.jsonl",
        {"input": "How fast?", "answer": "60 cm a day.", "ctxs": paragraphs, "gold_ctxs": [1, 2]},
        {"input": "Unmarked?", "answer": "No.", "ctxs": paragraphs, "gold_ctxs": []},
    )
    cited = [
        {"title": "Bees", "text": "Bees dance."},
        {"title": "Bees", "text": "Bees hum."},
        {"title": "Wasps", "text": float("nan")},
    ]
    (tmp_path / "human_answers.json").write_text(
        json.dumps([{"id": "a1", "input": "What do bees do?", "output": "They dance [0] and hum [1].", "ctxs": cited}])
    )
    found = read("scholarqabench", tmp_path)
    assert {one.title: one.abstract for one in found.papers} == {
        "Bees": "Bees dance.\n\nBees hum.",
        "Growth": "Kelp grows 60 cm a day.\n\nIt lives down to 40 m.",
    }
    marked, unmarked = (one for one in found.questions if one.tags == ("qasa_test",))
    assert (marked.relevant, unmarked.relevant) == (("qasa:abc",), ())
    assert found.notes == ("1 passages have no text, or neither a title nor an id, and were left out",)
    lines(tmp_path / "scifact_test.jsonl", {"input": "Kelp flies.", "answer": False, "gold_ctx": cited[0]})
    (claim,) = read("scholarqabench", tmp_path / "scifact_test.jsonl").questions
    assert (claim.reference, len(claim.relevant)) == ("false", 1)


def test_scholarqabench_questions(tmp_path: Path) -> None:
    passages = [{"title": "Kelp", "text": "It grows."}, {"text": "without a title"}]
    path = tmp_path / "data" / "qa.json"
    path.parent.mkdir()
    rows = [{"input": "How?", "ctxs": passages, "output": "Fast."}, {"question": "Nothing known?"}]
    path.write_text(json.dumps(rows), "utf-8")
    lines(tmp_path / "data" / "more.jsonl", {"initial_prompt": "Why?", "case_id": "c1", "answer": ["Because."]})
    found = read("scholarqabench", tmp_path)
    assert {one.question_id: one.reference for one in found.questions} == {"qa-1": "Fast.", "more-c1": "Because."}
    assert len(found.papers) == 1
    assert found.notes == (
        "1 questions have neither passages nor an answer and were left out",
        "1 passages have no text, or neither a title nor an id, and were left out",
    )


def test_ragtruth_marks_the_sentences_that_its_spans_reach(tmp_path: Path) -> None:
    text = "Kelp grows fast. It can fly."
    span = {"start": 20, "end": 27, "text": "can fly", "label_type": "Evident Baseless Info"}
    lines(
        tmp_path / "response.jsonl",
        {"id": "1", "source_id": "9", "labels": [span], "split": "test", "quality": "good", "response": text},
        {"id": "2", "source_id": "9", "labels": [], "split": "test", "quality": "truncated", "response": "Kelp"},
    )
    info = {"question": "?", "passages": "passage 1: Kelp grows fast."}
    lines(tmp_path / "source_info.jsonl", {"source_id": "9", "task_type": "QA", "source_info": info})
    found = read("ragtruth", tmp_path, split="test")
    assert [(one["response"], one["label"]) for one in found.claims] == [
        ("Kelp grows fast.", "supported"),
        ("It can fly.", "not supported"),
    ]
    path = lines(tmp_path / "claims.jsonl", *found.claims)
    assert [claim.supported for claim in read_claims([path])] == [True, False]


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_what_is_not_of_the_format_is_said_in_one_line(kind: str, tmp_path: Path) -> None:
    for name in (
        "corpus.jsonl",
        "queries.jsonl",
        "ori_pqal.json",
        "claims_dev.jsonl",
        "response.jsonl",
        "source_info.jsonl",
    ):
        lines(tmp_path / name, {"something": "else"})
    with pytest.raises(DataSetError) as raised:
        read(kind, tmp_path)
    assert "\n" not in str(raised.value)
    (tmp_path / "corpus.jsonl").write_text("{broken\n", "utf-8")
    (tmp_path / "ori_pqal.json").write_text("{broken\n", "utf-8")
    (tmp_path / "source_info.jsonl").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(DataSetError):
        read(kind, tmp_path)
    with pytest.raises(DataSetError):
        read(kind, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("kind", "name", "row"),
    [
        ("beir", "corpus.jsonl", {"_id": "d1", "title": 5, "text": "It grows."}),
        ("pubmedqa", "pqal.jsonl", {"id": "5", "question": " ", "contexts": [], "context_labels": [], "answer": "no"}),
        ("scifact", "claims_dev.jsonl", {"id": 1, "claim": "", "evidence": {}}),
        (
            "scifact",
            "claims_dev.jsonl",
            {"id": 1, "claim": "K", "evidence": {"7": [{"sentences": [9], "label": "S"}]}},
        ),
        ("ragtruth", "response.jsonl", {"id": "1", "source_id": "8", "labels": [], "response": "Kelp grows."}),
    ],
)
def test_a_row_that_could_not_be_asked_or_judged_stops_the_import(
    kind: str, name: str, row: dict[str, Any], tmp_path: Path
) -> None:
    lines(
        tmp_path / "corpus.jsonl", {"_id": "d1", "doc_id": 7, "title": "Kelp", "text": "x", "abstract": ["It grows."]}
    )
    lines(tmp_path / "queries.jsonl", {"_id": "1", "text": "How fast?"})
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("1\td1\t1\n")
    lines(tmp_path / "source_info.jsonl", {"source_id": "9", "task_type": "QA", "source_info": "Kelp grows."})
    lines(tmp_path / name, row)
    with pytest.raises(DataSetError, match="is not of the format"):
        read(kind, tmp_path)


def test_the_command_writes_what_a_set_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "set"
    lines(folder / "queries.jsonl", {"_id": "1", "text": "How fast?"})
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text("q\tc\ts\n1\td1\t2\n", "utf-8")
    with gzip.open(folder / "corpus.jsonl.gz", "wt") as file:
        file.write(json.dumps({"_id": "d1", "title": "Kelp", "text": "It grows."}) + "\n")
    assert cli.main(["import", "beir", str(folder), "--out", str(tmp_path / "out")]) == 0
    assert "1 papers, 1 questions, 0 claims" in capsys.readouterr().err
    papers = [item for item in read_papers(tmp_path / "out" / "papers.jsonl") if isinstance(item, Paper)]
    questions = load(tmp_path / "out" / "questions.jsonl")
    assert resolve(questions, papers)[0].relevant == (papers[0].paper_id,)
    assert not (tmp_path / "out" / "claims.jsonl").exists()


# -- drafts


def test_drafts_by_rules_are_questions_that_fit_their_library(seed_papers: tuple[Paper, ...]) -> None:
    drafts = by_rules(seed_papers, 60)
    assert len(drafts) == 60 and len({draft.question_id for draft in drafts}) == 60
    assert by_rules(seed_papers, 60) == drafts
    assert by_rules(seed_papers, 60, seed=1) != drafts
    assert all("draft" in draft.tags for draft in drafts)
    resolve(drafts, seed_papers)
    for draft in drafts:
        if draft.answerable:
            assert all(re.search(one, draft.evidence[0]) for one in draft.must)
    assert sum(not draft.answerable for draft in drafts) == 12
    assert not any("(___)" in draft.question for draft in drafts)


def test_a_models_drafts_are_held_against_their_sentence(seed_papers: tuple[Paper, ...]) -> None:
    paper = Paper("kelp", "Kelp", "Giant kelp of cold seas grows 60 centimetres a day in the summer.")
    model_says = {
        "QUESTION: How fast does kelp grow?\nANSWER: 60 centimetres a day": True,
        "QUESTION: How fast does kelp grow?\nANSWER: 70 centimetres a day": False,
        "QUESTION: Is it so that giant kelp of cold seas grows 60 centimetres?\nANSWER: 60": False,
        "How fast?": False,
    }
    for said, is_use in model_says.items():
        with ScriptedServer(Says(pieces=[said])) as server:
            model = OpenAICompatibleModel(ModelConfig(server.base_url, "scripted", max_retries=0))
            found, n_useless = by_model([paper], 5, model)
        assert (len(found), n_useless) == ((1, 0) if is_use else (0, 1)), said
    assert found == []


def test_the_command_drafts_into_a_new_file_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rag.library import Library

    with Library.open(tmp_path / "library") as library:
        library.add([Paper("kelp", "Kelp", "We show that kelp of the cold seas can grow 60 centimetres a day.")])
    command = ["draft", "--library", str(tmp_path / "library"), "--out", str(tmp_path / "drafts.jsonl")]
    assert cli.main(command) == 0
    assert cli.main(["check", str(tmp_path / "drafts.jsonl"), "--library", str(tmp_path / "library")]) == 0
    assert "1 questions, 1 answerable; nothing wrong" in capsys.readouterr().out
    assert cli.main(command) == 2
    assert "may hold corrected drafts" in capsys.readouterr().err


# -- the judged answers that ship


def test_the_judged_answers_are_about_every_paper_and_quote_the_abstracts(seed_papers: tuple[Paper, ...]) -> None:
    rows = [json.loads(line) for line in judged_answers_path().read_text("utf-8").splitlines()]
    papers = {paper.paper_id: paper for paper in seed_papers}
    assert len(rows) >= 150 and len({row["id"] for row in rows}) == len(rows)
    assert {row["paper_id"] for row in rows} == set(papers)
    for row in rows:
        paper = papers[row["paper_id"]]
        assert row["source_texts"] == [paper.title, paper.abstract]
        assert row["kind"] != "quote" or row["response"] in paper.abstract
    labels = Counter(row["label"] for row in rows)
    assert labels["supported"] == labels["not supported"]
    kinds = {label: {row["kind"] for row in rows if row["label"] == label} for label in labels}
    assert not kinds["supported"] & kinds["not supported"]
    assert len(kinds["not supported"]) >= 8


@pytest.mark.slow
def test_a_judges_error_rates_are_those_on_the_judged_answers() -> None:
    rates = error_rates(open_judge("always-yes"))
    assert (rates.sensitivity, rates.specificity) == (1.0, 0.0)
    assert rates.n_true + rates.n_false == len(read_claims([judged_answers_path()]))
    real = error_rates(open_judge("overlap"))
    assert 0.5 < real.sensitivity + real.specificity - 0.5 < 1.0

"""Measuring the search by itself: sets that are read whole or refused whole, measures by hand, a paired comparison."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval import cli, retrieval
from eval.errors import QuestionFileError
from eval.retrieval import JudgedSet, configurations, differences, limited, measured, read_set, run
from rag.errors import UsageError
from rag.library import Library
from rag.types import Paper

pytestmark = pytest.mark.slow

PAPERS = [
    ("kelp", "Growth of giant kelp", "Giant kelp grows 60 centimetres a day in summer."),
    ("moss", "Peat moss", "Peat moss holds water like a sponge."),
    ("crab", "Walking of crabs", "Crabs walk sideways on sand."),
]
QUERIES = {"q1": "how fast does giant kelp grow", "q2": "which moss holds water"}
JUDGED = {"q1": {"kelp": 1}, "q2": {"moss": 1, "crab": 0}}


def lines(*items: object) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    paths = {name: tmp_path / name for name in ("corpus.jsonl", "queries.jsonl", "qrels.tsv")}
    paths["corpus.jsonl"].write_text(lines(*({"_id": i, "title": t, "text": a} for i, t, a in PAPERS)))
    paths["queries.jsonl"].write_text(
        lines(*({"_id": i, "text": t} for i, t in [*QUERIES.items(), ("q3", "not judged")]))
    )
    rows = [f"{q}\t{p}\t{score}" for q, own in JUDGED.items() for p, score in own.items()]
    paths["qrels.tsv"].write_text("\n".join(["query-id\tcorpus-id\tscore", *rows]) + "\n")
    return paths


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("set") / "library") as library:
        library.add(Paper(*row) for row in PAPERS)
        yield library


def test_a_set_holds_the_judged_queries_only(files: dict[str, Path]) -> None:
    judged = read_set(files["queries.jsonl"], files["qrels.tsv"])
    assert judged == JudgedSet(QUERIES, JUDGED)


def test_four_columns_without_a_heading_are_read_too(files: dict[str, Path]) -> None:
    files["qrels.tsv"].write_text("q1 0 kelp 1\nq2 0 moss 2\n")
    assert read_set(files["queries.jsonl"], files["qrels.tsv"]).judgements == {"q1": {"kelp": 1}, "q2": {"moss": 2}}


def test_every_problem_of_a_set_is_named_at_once(files: dict[str, Path]) -> None:
    files["queries.jsonl"].write_text(
        '{"_id": "q1"}\n{"_id": "q2", "text": "a"}\n{"_id": "q2", "text": "b"}\nnot json\n[1]\n'
    )
    files["qrels.tsv"].write_text("query-id\tcorpus-id\tscore\nq9\tkelp\t1\nq1\tkelp\n")
    with pytest.raises(QuestionFileError) as raised:
        read_set(files["queries.jsonl"], files["qrels.tsv"])
    text = str(raised.value)
    for words in ("queries.jsonl:1", "queries.jsonl:3", "queries.jsonl:4", "queries.jsonl:5", "qrels.tsv:3", "'q9'"):
        assert words in text
    with pytest.raises(QuestionFileError, match="cannot be read"):
        read_set(files["queries.jsonl"].with_name("none"), files["qrels.tsv"])


def test_measures_agree_with_numbers_worked_by_hand() -> None:
    judged = JudgedSet({"a": "", "b": "", "c": ""}, {"a": {"x": 1, "y": 1}, "b": {"x": 1}, "c": {"x": 1}})
    found = {"a": {"x": 3.0, "z": 2.0, "y": 1.0}, "b": {"z": 2.0, "x": 1.0}, "c": {}}
    values = measured(judged, found)
    # a: gains at ranks 1 and 3: (1 + 1/2) / (1 + 1/log2(3)); b: a gain at rank 2; c found nothing.
    assert values["nDCG@10"] == [pytest.approx(0.9197, abs=1e-4), pytest.approx(0.6309, abs=1e-4), 0.0]
    assert values["AP"] == [pytest.approx((1 + 2 / 3) / 2), 0.5, 0.0]
    assert values["RR"] == [1.0, 0.5, 0.0]
    assert values["R@5"] == [1.0, 1.0, 0.0]


def test_all_configurations_run_and_the_last_is_compared_with_the_others(library: Library) -> None:
    judged = JudgedSet(QUERIES, JUDGED)
    found = run(library, judged, configurations(["lexical", "dense", "default"]))
    assert [one.name for one in found] == ["lexical", "dense", "default"]
    assert all(one.mean("nDCG@10") == 1.0 and len(one.milliseconds) == 2 for one in found)
    assert list(differences(found)) == [("default", "lexical"), ("default", "dense")]
    text = retrieval.as_text(found, len(library))
    assert "2 queries, 3 papers" in text and "default - lexical" in text
    assert set(retrieval.as_json(found, judged, 3)["queries"]) == {"q1", "q2"}


def test_an_unknown_configuration_and_a_foreign_library_are_refused(library: Library) -> None:
    with pytest.raises(UsageError, match=r"'magic'.*known: lexical"):
        configurations(["lexical", "magic"])
    with pytest.raises(UsageError, match="is it the library of this corpus"):
        run(library, JudgedSet({"q": "kelp"}, {"q": {"elsewhere": 1}}), configurations(["lexical"]))


def test_fewer_queries_are_taken_evenly() -> None:
    judged = JudgedSet({str(n): "" for n in range(10)}, {str(n): {"x": 1} for n in range(10)})
    assert list(limited(judged, 3).queries) == ["0", "3", "6"]
    assert limited(judged, None) is judged


def test_the_command_prints_the_table_and_keeps_the_library(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["retrieval", "--library", str(tmp_path / "lib"), "--configs", "lexical,hybrid"]
    command += [
        x
        for name, key in (("corpus", "corpus.jsonl"), ("queries", "queries.jsonl"), ("qrels", "qrels.tsv"))
        for x in (f"--{name}", str(files[key]))
    ]
    assert cli.main(command) == 0
    assert "hybrid - lexical" in capsys.readouterr().out
    assert cli.main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_papers"] == 3

"""Runs: every answer is kept at once, a broken-off run goes on, and errors stay errors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from eval import cli
from eval.errors import OtherRun, RunError
from eval.questions import Question, resolve
from eval.runs import records
from eval.runs.records import Journal, Record, Run
from eval.runs.runner import run
from eval.scores import scores_of
from eval.sentences import figures, rank
from eval.table import run_as_json, scores_as_text
from rag.config import ModelConfig
from rag.embedding import BundledEmbedder
from rag.errors import EmbeddingError
from rag.library import Library
from rag.llm_http import OpenAICompatibleModel
from rag.retrieval.features import FloatArray
from rag.retrieval.reranker import Candidate, Text
from rag.types import Paper

pytestmark = pytest.mark.slow

PAPERS = (
    Paper(
        "kelp",
        "Growth of giant kelp",
        "Kelp forests are found along cold coasts. We measured the growth of giant kelp in three seas. "
        "Giant kelp grows 60 centimetres a day in summer. Divers counted its fronds for two years.",
    ),
    Paper(
        "bees",
        "How honey bees choose a new nest",
        "Swarms must agree on one nest. Scout bees advertise nest sites with a waggle dance. "
        "A quorum of twenty scouts at a site starts the move.",
    ),
)
QUESTIONS = (
    Question(
        "kelp-1",
        "How many centimetres does giant kelp grow a day in summer?",
        True,
        relevant=("Growth of",),
        evidence=("Giant kelp grows 60 centimetres a day in summer.",),
        must=(r"\b60\b",),
        tags=("number",),
    ),
    Question(
        "bees-1",
        "What quorum of scout bees starts the move to a nest site?",
        True,
        relevant=("bees",),
        evidence=("A quorum of twenty scouts at a site starts the move.",),
        must=("twenty",),
        tags=("fact",),
    ),
    Question("greeting", "hello", False, tags=("chitchat",)),
)
UNREACHABLE = ModelConfig(base_url="http://127.0.0.1:9/v1?api_key=secret", name="nobody", max_retries=0)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("eval") / "library") as library:
        library.add(PAPERS)
        yield library


@pytest.fixture
def questions() -> tuple[Question, ...]:
    return resolve(QUESTIONS, PAPERS)


def lines(folder: Path) -> list[str]:
    return [json.loads(line)["id"] for line in (folder / "run.jsonl").read_text("utf-8").splitlines()[1:]]


def scores(done: Run) -> object:
    found = run_as_json(scores_of(done))
    return found["figures"], found["by_tag"], found["failures"]


def test_a_run_asks_everything_and_keeps_what_it_was_told(
    library: Library, questions: tuple[Question, ...], tmp_path: Path
) -> None:
    done = run(library, questions, out=tmp_path / "run")
    assert [record.question.question_id for record in done.records] == ["kelp-1", "bees-1", "greeting"]
    assert all(record.is_scorable and record.seconds > 0 and record.asked_at for record in done.records)
    again = records.read(tmp_path / "run")
    about, kept = again.about, again.records
    assert about["corpus"] == {"papers": 2, "fingerprint": library.corpus_fingerprint}
    assert about["embedding"] == BundledEmbedder.fingerprint
    assert about["settings"] == {
        "model": None,
        "n_sources": 6,
        "verified_only": False,
        "repair": True,
        "repeats": 1,
        "judge": None,
        "graded": False,
    }
    assert about["versions"]["numpy"] == np.__version__
    assert len(about["prompts"]["answer"]) == len(about["code"]) == 64
    assert [record.answer for record in kept] == [record.answer for record in done.records]
    assert [record.question for record in kept] == list(questions)


def test_a_killed_run_goes_on_and_ends_as_an_unbroken_one(
    library: Library, questions: tuple[Question, ...], tmp_path: Path
) -> None:
    unbroken = run(library, questions, out=tmp_path / "unbroken")
    folder = tmp_path / "killed"

    def killed(record: Record, n_done: int) -> None:
        if n_done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(library, questions, out=folder, on_record=killed)
    assert lines(folder) == ["kelp-1", "bees-1"]
    path = folder / "run.jsonl"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 40])  # the second line was being written
    asked: list[str] = []
    done = run(library, questions, out=folder, on_record=lambda record, _: asked.append(record.question.question_id))
    assert asked == ["bees-1", "greeting"]
    assert lines(folder) == ["kelp-1", "bees-1", "greeting"]
    assert scores(done) == scores(unbroken)
    again = run(library, questions, out=folder, on_record=lambda *_: pytest.fail("everything was asked already"))
    assert scores(again) == scores(unbroken)


def test_a_run_killed_before_its_first_answer_or_in_its_heading_starts_anew(
    library: Library, questions: tuple[Question, ...], tmp_path: Path
) -> None:
    (tmp_path / "run.jsonl.new").write_text("{", "utf-8")
    assert len(run(library, questions, out=tmp_path).records) == 3


def test_what_is_right_may_be_edited_between_runs_but_not_what_is_asked(
    library: Library, questions: tuple[Question, ...], tmp_path: Path
) -> None:
    from dataclasses import replace

    run(library, questions, out=tmp_path)
    stricter = (replace(questions[0], must=("70",)), *questions[1:])
    done = run(library, stricter, out=tmp_path, on_record=lambda *_: pytest.fail("asked again"))
    assert done.records[0].question.must == ("70",)
    for other, settings, said in (
        (questions[:2], {}, "questions.count: 3 there, 2 now"),
        (questions, {"n_sources": 1}, "settings.n_sources: 6 there, 1 now"),
        (questions, {"model": OpenAICompatibleModel(UNREACHABLE)}, "settings.model: null there"),
    ):
        with pytest.raises(OtherRun, match=said):
            run(library, other, out=tmp_path, **settings)  # type: ignore[arg-type]


def test_a_folder_of_other_things_or_of_damaged_lines_is_left_alone(
    library: Library, questions: tuple[Question, ...], tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("x", "utf-8")
    with pytest.raises(OtherRun, match="holds other files"):
        run(library, questions, out=tmp_path)
    folder = tmp_path / "run"
    run(library, questions, out=folder)
    path = folder / "run.jsonl"
    head, _, whole = path.read_text("utf-8").partition("\n")
    for damage in ("{}\n", "not json\n", '{"id": "x", "question": {}, "answer": {"claims": 3}}\n'):
        path.write_text(head + "\n" + damage + whole, "utf-8")
        with pytest.raises(RunError, match=r"line 2 is not an answer of a run"):
            run(library, questions, out=folder)
        assert path.read_text("utf-8") == head + "\n" + damage + whole
    path.write_text("{\n", "utf-8")
    with pytest.raises(RunError, match="damaged"):
        records.read(folder)
    path.write_text(whole, "utf-8")
    with pytest.raises(RunError, match="no run of format"):
        records.read(folder)
    with pytest.raises(RunError, match="holds no run"):
        records.read(tmp_path / "nothing")


def test_two_processes_do_not_write_to_one_run(
    library: Library, questions: tuple[Question, ...], tmp_path: Path
) -> None:
    def meanwhile(record: Record, n_done: int) -> None:
        with pytest.raises(RunError, match="another process is writing"):
            run(library, questions, out=tmp_path)

    assert len(run(library, questions, out=tmp_path, on_record=meanwhile).records) == 3


def test_a_full_disk_says_what_is_kept(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    said = r"No space left.*the 0 answers so far are kept"
    with open(full, "wb", buffering=0) as file, pytest.raises(RunError, match=said):
        Journal(tmp_path, (), file).append(Record(QUESTIONS[0], None, "x"))


def test_a_model_that_cannot_be_reached_is_an_error_not_an_abstention(
    library: Library, questions: tuple[Question, ...], tmp_path: Path
) -> None:
    model = OpenAICompatibleModel(UNREACHABLE)
    done = run(library, questions[:2], model=model, out=tmp_path)
    found = run_as_json(scores_of(done))
    assert found["n_unscored"] == 2
    refusal = found["figures"]["false_refusal"]
    assert (refusal["mean"], refusal["n_scored"], refusal["bounds"]) == (None, 0, [0.0, 1.0])
    assert [failure["fault"] for failure in found["failures"]] == ["error", "error"]
    assert "2 answers of 2 cannot be scored" in scores_as_text(scores_of(done))
    assert done.about["settings"]["model"]["endpoint"] == "http://127.0.0.1:9/v1"
    assert "secret" not in (tmp_path / "run.jsonl").read_text("utf-8")
    asked: list[str] = []
    run(library, questions[:2], model=model, out=tmp_path, on_record=lambda one, _: asked.append(one.error or ""))
    assert asked == []
    run(library, questions[:2], model=model, out=tmp_path, retry_errors=True, on_record=lambda *_: asked.append(""))
    assert len(asked) == 2
    assert len(records.read(tmp_path).records) == 2


def test_an_embedding_that_fails_once_costs_one_question(questions: tuple[Question, ...], tmp_path: Path) -> None:
    class Moody(BundledEmbedder):
        def embed(self, texts: Sequence[str]) -> np.ndarray:
            if any("quorum" in text and text.endswith("?") for text in texts):
                raise EmbeddingError("the endpoint refused: try later")
            return super().embed(texts)

    with Library.open(tmp_path / "library", embedder=Moody()) as library:
        library.add(PAPERS)
        done = run(library, questions)
    assert [record.is_scorable for record in done.records] == [True, False, True]
    assert done.records[1].failure == "the endpoint refused: try later"
    assert "error: the endpoint refused" in scores_as_text(scores_of(done), failures=True)


def test_no_questions_are_no_figures(library: Library) -> None:
    done = run(library, ())
    assert done.records == ()
    text = scores_as_text(scores_of(done), by_tag=True, failures=True)
    assert text.count("nothing to measure") == 4
    assert "0 questions missed something" in text
    assert figures(rank(library, ()))[0].share is None


def test_the_ranker_alone_is_measured_on_marked_sentences(library: Library, questions: tuple[Question, ...]) -> None:
    rankings = rank(library, questions)
    assert [one.question.question_id for one in rankings] == ["kelp-1", "bees-1"]
    assert all(one.is_found and one.rank is not None for one in rankings)

    class LastFirst:
        """Puts what came first behind everything else."""

        def scores(self, question: str, texts: Sequence[Text]) -> FloatArray:
            first = [isinstance(one, Candidate) and one.sentence == rankings[0].first for one in texts]
            return np.where(first, -50.0, 0.0).astype(np.float32)

    moved = rank(library, questions, reranker=LastFirst())
    assert rankings[0].rank == 1 and (moved[0].rank or 0) > 1


def test_text_from_outside_cannot_paint_the_terminal(library: Library) -> None:
    question = Question("evil\x1b[2J", "\x1b]0;owned\x07 What is kelp\u202e?", False, tags=("\x1b[31m",))
    text = scores_as_text(scores_of(run(library, [question])), by_tag=True, failures=True)
    assert all(ch.isprintable() or ch == "\n" for ch in text)


# -- the command


def written(path: Path, questions: Sequence[Question]) -> Path:
    from eval.questions import to_json

    path.write_text("".join(json.dumps(to_json(one)) + "\n" for one in questions), "utf-8")
    return path


def test_the_command_prints_the_table_and_resumes(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "q.jsonl", QUESTIONS)
    common = [
        "run",
        "--questions",
        str(file),
        "--library",
        str(library.path),
        "--out",
        str(tmp_path / "out"),
        "--quote",
        "--judge",
        "rules",
        "--no-correction",
    ]
    assert cli.main([*common, "--by-tag", "--failures"]) == 0
    text = capsys.readouterr().out
    for words in ("3 questions about 2 of 2 papers · quoting mode", "right paper cited first", "≥ 97 %", "chitchat"):
        assert words in text
    assert cli.main([*common, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n_questions"] == 3
    assert set(found["by_tag"]) == {"number", "fact", "chitchat"}
    assert found["figures"]["abstained"]["mean"] == 1.0
    assert lines(tmp_path / "out") == ["kelp-1", "bees-1", "greeting"]


def test_the_command_takes_a_limit_evenly_from_the_file(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "q.jsonl", [Question(f"q{n}", "hello", False) for n in range(10)])
    common = ["--questions", str(file), "--library", str(library.path), "--json"]
    assert cli.main(["run", *common, "--limit", "3", "--out", str(tmp_path / "out"), "--quote", "--judge", "none"]) == 0
    assert lines(tmp_path / "out") == ["q0", "q3", "q6"]
    assert cli.main(["sentences", *common]) == 0


def test_the_command_ends_with_1_if_something_could_not_be_run(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "q.jsonl", QUESTIONS[:1])
    config = tmp_path / "footnoted.toml"
    config.write_text('[model.x]\nbase_url = "http://127.0.0.1:9/v1"\nname = "nobody"\nmax_retries = 0\n', "utf-8")
    common = ["run", "--questions", str(file), "--library", str(library.path), "--config", str(config)]
    assert cli.main([*common, "--model", "x", "--judge", "none"]) == 1
    said = capsys.readouterr()
    assert "1 of 1 questions could not be run" in said.err
    assert "127.0.0.1:9" in said.err


def test_wrong_usage_ends_with_2_and_says_everything_at_once(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    empty = written(tmp_path / "empty.jsonl", [])
    unknown = written(
        tmp_path / "unknown.jsonl",
        [replace(QUESTIONS[0], question_id=name, relevant=(name,)) for name in ("zebra", "yak")],
    )
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{\n[]\n", "utf-8")
    here = ["--library", str(library.path)]
    for arguments, said in (
        (["run", "--questions", str(empty), *here], ["holds no question"]),
        (["run", "--questions", str(unknown), *here], ["2 problems", "'zebra'", "'yak'"]),
        (["sentences", "--questions", str(broken), *here], ["line 1: not JSON", "line 2: a list"]),
        (["run", "--questions", str(tmp_path / "none"), *here], ["No such file"]),
        (["run", "--questions", str(unknown), "--library", str(tmp_path / "no-library")], ["is empty: add papers"]),
        (["run", "--retry-errors"], ["name its folder with --out"]),
    ):
        assert cli.main(arguments) == 2
        told = capsys.readouterr().err
        assert all(words in told for words in said), told
    for arguments in ([], ["nonsense"], ["run", "--limit", "0"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert ended.value.code == 2


def test_the_shipped_questions_run_over_the_shipped_papers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cli.main(["run", "--quote", "--json", "--judge", "rules", "--no-correction"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["run"]["corpus"]["papers"] == 62
    assert (found["n_questions"], found["n_unscored"]) == (205, 0)
    # Far below the targets, which are for the table to judge: this is about a run that works.
    assert found["figures"]["right_paper_found"]["mean"] > 0.9
    assert not [failure for failure in found["failures"] if failure["fault"] == "question"]


def test_judges_are_measured_by_subcommands_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from eval.judge_rates import judged_answers_path

    command = ["judge", "--data", str(judged_answers_path()), "--judge", "overlap", "--limit", "20", "--json"]
    assert cli.main([*command, "--resamples", "10"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]
    papers = tmp_path / "papers.jsonl"
    papers.write_text(
        "".join(json.dumps({"title": one.title, "abstract": one.abstract}) + "\n" for one in PAPERS), "utf-8"
    )
    assert cli.main(["defects", "--library", str(papers), "--judge", "rules"]) == 0
    assert "all defects" in capsys.readouterr().out
    library = tmp_path / "library"
    with Library.open(library, embedder=BundledEmbedder()) as opened:
        opened.add(PAPERS)
    assert cli.main(["defects", "--library", str(library), "--judge", "rules", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["quote"]["flagged"] == 0
    said = {"text": "Giant kelp grows 60 centimetres a day in summer.", "verdict": "supported"}
    wrong = {"text": "Giant kelp grows 90 centimetres a day in summer.", "verdict": "contradicted"}
    claims = [{**claim, "citations": [{"paper_id": "kelp"}]} for claim in (said, wrong)]
    answers = tmp_path / "run.jsonl"
    answers.write_text(
        "".join(json.dumps(row) + "\n" for row in ({"format": 2}, {"answer": {"claims": claims}})), "utf-8"
    )
    command = ["defects", "--library", str(library), "--answers", str(answers), "--judge", "rules", "--json"]
    assert cli.main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["quote"] == {"claims": 1, "flagged": 0, "contradicted": 0}
    assert found["number"]["flagged"] == 1
    answers.write_text("no answers\n", "utf-8")
    assert cli.main(command) == 1
    assert "holds no answers" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        cli.main(["judge", "--help"])
    assert ended.value.code == 0


def test_without_an_answerable_question_there_is_still_a_report(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "q.jsonl", [Question(f"u{n}", "hello", False) for n in range(3)])
    common = ["--questions", str(file), "--library", str(library.path), "--quote", "--judge", "rules"]
    assert cli.main(["run", *common, "--no-correction", "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "report.html").stat().st_size > 5_000
    baseline = ["--baseline", str(tmp_path / "out" / "run.jsonl")]
    assert cli.main(["gate", *baseline, *common]) == 0
    assert "the gate is open" in capsys.readouterr().out
    assert cli.main(["gate", *baseline, *common, "--limit", "2"]) == 2
    assert "1 questions only before" in capsys.readouterr().err

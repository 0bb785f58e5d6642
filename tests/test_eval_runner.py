"""Runs under stress: refusals, deadlines, endpoints and judges that die, kills, caches, repeats."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from eval import cli
from eval.questions import Question, resolve, to_json
from eval.runs import records
from eval.runs.cache import Cache, CachedJudge, WatchedModel
from eval.runs.limit import AdaptiveLimit
from eval.runs.plan import plan, plan_in_words
from eval.runs.records import Record, Run
from eval.runs.rescore import rescore
from eval.runs.runner import FAILURES_IN_A_ROW, Scoring, run
from eval.scores import scores_as_json, scores_of
from rag.config import ModelConfig
from rag.judge.judgement import Judgement
from rag.judge.opening import open_judge
from rag.library import Library
from rag.llm import Message
from rag.llm_http import OpenAICompatibleModel
from rag.types import Paper
from tests.scripted_server import Dribble, HangUp, Says, ScriptedServer, Status

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
ASKED = (
    ("How many centimetres does giant kelp grow a day in summer?", "kelp", "60"),
    ("What quorum of scout bees starts the move to a nest site?", "bees", "twenty"),
    ("Where are kelp forests found?", "kelp", "cold coasts"),
    ("How do scout bees advertise nest sites?", "bees", "waggle"),
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("runner") / "library") as library:
        library.add(PAPERS)
        yield library


def questions(n: int) -> tuple[Question, ...]:
    return tuple(
        Question(
            f"q{number}", ASKED[number % 4][0], True, relevant=(ASKED[number % 4][1],), must=(ASKED[number % 4][2],)
        )
        for number in range(n)
    )


def model_at(server: ScriptedServer, **more: Any) -> OpenAICompatibleModel:
    return OpenAICompatibleModel(ModelConfig(server.base_url, "scripted", max_retries=0, **more))


KELP_SAYS = Says("Giant kelp grows 60 centimetres a day in summer [1].")


def rules() -> Scoring:
    return Scoring(open_judge("rules"), "rules")


def bytes_of(done: Run) -> bytes:
    return json.dumps(scores_as_json(scores_of(done)), sort_keys=True).encode()


# -- how much at once


def test_the_limit_grows_with_success_and_halves_on_refusal() -> None:
    now = [0.0]
    limit = AdaptiveLimit(8, clock=lambda: now[0])
    for _ in range(30):
        limit.succeeded(1.0)
    assert limit.current == 8
    limit.refused()
    limit.refused()  # of the same moment: counts once
    assert limit.current == 4
    assert limit.seconds_to_wait == 1.0
    now[0] = 1.0
    limit.refused()
    assert (limit.current, limit.seconds_to_wait) == (2, 2.0)


def test_the_limit_does_not_grow_while_the_endpoint_only_queues() -> None:
    limit = AdaptiveLimit(8)
    limit.succeeded(1.0)
    assert limit.current == 2
    for _ in range(30):
        limit.succeeded(2.0)
    assert limit.current == 2
    limit.succeeded(5.0)
    assert limit.current == 1


def test_questions_are_asked_at_once_and_kept_in_their_order(library: Library, tmp_path: Path) -> None:
    asked = questions(12)
    with ScriptedServer(*[Says("Kelp grows [1].", pause_seconds=0.05)] * 12) as server:
        done = run(library, asked, model=model_at(server), out=tmp_path / "run", at_once=4, repair=False)
        assert len(server.requests) == 12
    assert [one.question.question_id for one in done.records] == [f"q{n}" for n in range(12)]
    kept = records.read(tmp_path / "run")
    assert [one.key for one in kept.records] == [one.key for one in done.records]


def test_a_refusal_is_waited_out_and_the_question_asked_again(library: Library) -> None:
    with ScriptedServer(Status(429), Status(429), KELP_SAYS) as server:
        done = run(library, questions(1), model=model_at(server))
        assert len(server.requests) == 3
    assert done.records[0].is_scorable
    assert done.records[0].n_attempts == 3


# -- deadlines and things that die


def test_an_answer_past_its_deadline_is_an_error_and_the_next_is_asked(library: Library) -> None:
    released = threading.Event()
    canned = run(library, questions(2)).records[1].answer
    assert canned is not None

    def asker(question: Question, model: Any) -> Mapping[str, Any]:
        if question.question_id == "q0":
            released.wait(60)
        return canned

    done = run(library, questions(2), asker=asker, deadline_seconds=1.0, at_once=1)
    assert not released.is_set()
    released.set()
    assert done.records[0].failure == "no answer within the deadline of 1 s"
    assert done.records[1].is_scorable
    assert done.stopped is None


def test_a_stopped_reply_is_closed_and_not_kept(tmp_path: Path) -> None:
    cache, stop = Cache(tmp_path), threading.Event()
    with ScriptedServer(Dribble(["Kelp "]), KELP_SAYS) as server:
        watched = WatchedModel(model_at(server), {}, 0, cache, stop)
        with watched.stream([Message("user", "How fast?")]) as stream:
            assert next(piece for piece in stream if piece) == "Kelp "
            stop.set()
            assert list(stream) == []
        assert server.requests[0].hung_up.wait(30)
        assert list(watched.stream([Message("user", "Again?")])) == []
        assert len(server.requests) == 1
        fresh = WatchedModel(model_at(server), {}, 0, cache, threading.Event())
        with fresh.stream([Message("user", "How fast?")]) as stream:
            assert "60" in "".join(stream)
    assert (fresh.n_calls, fresh.n_cached) == (1, 0)
    cache.close()


class Stuck:
    """A judge that answers nothing until it is let go."""

    name = "stuck"

    def __init__(self) -> None:
        self.n_asked = 0
        self.released = threading.Event()

    def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
        self.n_asked += 1
        self.released.wait(60)
        return Judgement("supported")


def test_a_judge_that_never_answers_costs_verdicts_not_answers(library: Library, tmp_path: Path) -> None:
    judge = Stuck()
    asked = questions(FAILURES_IN_A_ROW + 3)
    done = run(library, asked, out=tmp_path, scoring=Scoring(judge, "stuck", None, 0.2))
    judge.released.set()
    assert judge.n_asked == FAILURES_IN_A_ROW
    assert all(one.is_scorable and one.judged is not None and one.judged.error for one in done.records)
    assert "deadline of 0.2 s" in str(done.records[0].judged and done.records[0].judged.error)
    assert "was not asked again" in str(done.records[-1].judged and done.records[-1].judged.error)
    found = scores_of(done)
    assert found.n_unjudged == len(asked)
    faithfulness = found.figure("faithfulness")
    assert faithfulness is not None and faithfulness.mean is None and faithfulness.n_unscored == len(asked)
    # Judged again, nothing is asked again.
    counted: list[Record] = []
    again = run(
        library,
        asked,
        out=tmp_path,
        scoring=Scoring(open_judge("rules"), "stuck", None, 60.0),
        retry_errors=True,
        asker=lambda question, model: pytest.fail("asked again"),
        on_record=lambda record, _: counted.append(record),
    )
    assert len(counted) == len(asked)
    assert scores_of(again).n_unjudged == 0


def test_an_endpoint_that_dies_half_way_ends_the_run_and_is_taken_up_again(library: Library, tmp_path: Path) -> None:
    asked = questions(12)
    with ScriptedServer(*[KELP_SAYS] * 4, *[HangUp()] * 40) as server:
        done = run(library, asked, model=model_at(server), out=tmp_path, at_once=1)
        identity = server.base_url
    assert done.stopped is not None and "5 questions in a row failed" in done.stopped
    assert [one.is_scorable for one in done.records] == [True] * 4 + [False] * 8
    assert len(records.read(tmp_path).records) == 9
    assert done.records[-1].failure == f"not asked: {done.stopped}"
    fact = scores_of(done).figure("fact_said")
    assert fact is not None and fact.bounds is not None
    assert fact.bounds.high - fact.bounds.low == pytest.approx(8 / 12)
    assert identity in str(done.about["settings"]["model"]["endpoint"])


# -- kept replies, repeats, sameness


def test_replies_are_kept_by_content_and_repeats_are_asked_anew(library: Library, tmp_path: Path) -> None:
    asked = questions(2)
    cache = Cache(tmp_path / "cache")
    says = [Says(f"Kelp grows {n} centimetres [1].", usage=(100, 10)) for n in range(4)]
    with ScriptedServer(*says) as server:
        model = model_at(server)
        first = run(library, asked, model=model, repair=False, repeats=2, cache=cache, at_once=1, scoring=rules())
        assert len(server.requests) == 4
        again = run(library, asked, model=model, repair=False, repeats=2, cache=cache, at_once=1, scoring=rules())
        assert len(server.requests) == 4
        assert bytes_of(again) == bytes_of(first)
        assert [one.is_cached for one in again.records] == [True] * 4
        assert again.records[0].answer is not None and again.records[0].answer["usage"]["prompt_tokens"] == 100
        server.queue(*says)
        run(library, asked, model=model, repair=False, repeats=2, at_once=1)
        assert len(server.requests) == 8  # without the cache
    texts = [one.answer["text"] for one in first.records if one.answer is not None]
    assert len(set(texts)) == 4
    assert scores_of(first).repeatability
    cache.close()


def test_what_failed_is_not_kept(library: Library, tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with ScriptedServer(Status(500), KELP_SAYS) as server:
        model = model_at(server)
        assert not run(library, questions(1), model=model, cache=cache).records[0].is_scorable
        assert run(library, questions(1), model=model, cache=cache).records[0].is_scorable
    cache.close()


def test_a_cache_that_cannot_be_written_is_done_without(library: Library, tmp_path: Path) -> None:
    (tmp_path / "replies.sqlite").write_bytes(b"this is no database" * 100)
    cache = Cache(tmp_path)
    with ScriptedServer(KELP_SAYS) as server:
        assert run(library, questions(1), model=model_at(server), cache=cache).records[0].is_scorable
    assert cache.trouble is not None and "everything is asked anew" in cache.trouble


def test_judgements_are_kept_until_the_judge_changes(tmp_path: Path) -> None:
    class Counting:
        name = "counting"
        n = 0

        def judge(self, claim: str, evidence: Sequence[str]) -> Judgement:
            self.n += 1
            return Judgement("partial", 0.4, reasons=("because",), scorable=True)

    judge, cache = Counting(), Cache(tmp_path)
    for identity, n in (("one", 1), ("one", 1), ("two", 2)):
        found = CachedJudge(judge, cache, identity).judge("a claim", ["evidence"])
        assert (found.verdict, found.probability, found.reasons, found.scorable) == ("partial", 0.4, ("because",), True)
        assert judge.n == n
    cache.close()


def test_repeats_that_differ_are_counted(library: Library) -> None:
    says = [Says("It grows 60 [1]."), Says("It grows 70 [1]."), Says("It grows 60 [1].")]
    with ScriptedServer(*says) as server:
        done = run(library, questions(1), model=model_at(server), repair=False, repeats=3, at_once=1)
    again = next(one for one in scores_of(done).repeatability if one.measure.name == "fact_said")
    assert (again.n, again.n_flipped) == (1, 1)
    assert again.flips == pytest.approx(2 / 3)  # of three pairs two differ


def test_the_same_records_score_the_same_to_the_last_byte(library: Library, tmp_path: Path) -> None:
    asked = questions(8)
    done = run(library, asked, out=tmp_path, scoring=rules())
    head, *lines = (tmp_path / "run.jsonl").read_bytes().splitlines(keepends=True)
    random.Random(1).shuffle(lines)
    (tmp_path / "run.jsonl").write_bytes(head + b"".join(lines))
    assert bytes_of(records.read(tmp_path)) == bytes_of(done)
    assert bytes_of(run(library, asked, scoring=rules())) == bytes_of(done)


# -- before and after


def test_a_plan_counts_calls_tokens_and_money_and_sends_nothing(library: Library, tmp_path: Path) -> None:
    from rag.pipeline import ask
    from rag.wire import answer_to_json

    def asker(question: Question, model: Any) -> Mapping[str, Any]:
        return answer_to_json(ask(library, question.question, model=model))

    cache = Cache(tmp_path)
    with ScriptedServer(KELP_SAYS) as server:
        model = model_at(server)
        one = plan(questions(4), model, asker, repeats=2, cache=cache)
        assert server.requests == []
        assert (one.n_asks, one.n_calls, one.n_cached) == (8, 8, 0)
        assert 8 * 100 < one.prompt_tokens < 8 * 1000
        assert one.dollars((1.0, 1.0)) == pytest.approx((one.prompt_tokens + one.completion_tokens) / 1e6)
        assert "8 calls of scripted" in plan_in_words(one, model, None)
        run(library, questions(1), model=model, cache=cache)
        assert len(server.requests) == 1
        after = plan(questions(4), model, asker, repeats=2, cache=cache)
        # The first repeat of the one that was asked is known now.
        assert (after.n_calls, after.n_cached) == (7, 1)
    assert "nothing is sent" in plan_in_words(plan(questions(4), None, asker), None, None)
    cache.close()


def test_a_run_is_scored_again_with_another_judge_and_other_expressions(library: Library, tmp_path: Path) -> None:
    from dataclasses import replace

    done = run(library, questions(4), out=tmp_path, scoring=rules())
    stricter = [replace(one, must=("sixty fathoms",), relevant=(one.relevant[0],)) for one in questions(4)]
    again = rescore(records.read(tmp_path), questions=stricter)
    assert scores_of(again).figure("fact_said").mean == 0.0  # type: ignore[union-attr]
    assert [one.answer for one in again.records] == [one.answer for one in done.records]
    judged = rescore(records.read(tmp_path), judge=open_judge("overlap"), judge_name="overlap")
    assert judged.about["settings"]["judge"] == "overlap"
    assert {one.judged.judge for one in judged.records if one.judged} == {"overlap"}
    from eval.errors import QuestionFileError

    with pytest.raises(QuestionFileError, match="'q0' asks something else"):
        rescore(done, questions=[replace(one, question="Why?") for one in questions(4)])


def test_the_command_rescans_labels_and_names_their_faults(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(library, resolve(questions(4), PAPERS), out=tmp_path / "run", scoring=rules())
    labels = tmp_path / "labels.jsonl"
    labels.write_text(
        "".join(json.dumps({"id": f"q{n}", "claim": 0, "supported": n > 0}) + "\n" for n in range(4)), "utf-8"
    )
    command = ["rescore", str(tmp_path / "run"), "--no-correction", "--json", "--labels", str(labels)]
    assert cli.main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["faithfulness_by_people"]["observed"] == 1.0
    assert found["faithfulness_by_people"]["share"] == pytest.approx(0.75)
    for name in ("scores.json", "report.html", "report.md", "report.json"):
        assert (tmp_path / "run" / name).stat().st_size > 500
    labels.write_text('{"id": 3}\nnonsense\n', "utf-8")
    assert cli.main(command) == 2
    told = capsys.readouterr().err
    assert "line 1" in told and "line 2" in told


KILLED = """
import sys, time
from pathlib import Path
from eval.runs.runner import Scoring, run
from rag.judge.opening import open_judge
from rag.library import Library
from tests.test_eval_runner import questions

def slow(question, model):
    from rag.pipeline import ask
    from rag.wire import answer_to_json
    time.sleep(0.05)
    return answer_to_json(ask(library, question.question))

with Library.open(Path(sys.argv[1])) as library:
    print("ready", flush=True)
    scoring = Scoring(open_judge("rules"), "rules")
    run(library, questions(40), out=Path(sys.argv[2]), asker=slow, at_once=3, scoring=scoring)
print("done", flush=True)
"""


def test_killed_ten_times_it_ends_as_an_unbroken_run(library: Library, tmp_path: Path) -> None:
    unbroken = run(library, questions(40), out=tmp_path / "unbroken", scoring=rules())
    folder, dice = tmp_path / "killed", random.Random(7)
    n_killed = 0
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    while True:
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(library.path), str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
            cwd=Path(__file__).parents[1],
        )
        assert process.stdout is not None and process.stderr is not None
        first = process.stdout.readline()
        if n_killed < 10:
            assert first == "ready\n", process.stderr.read()
            # Into the run, and then to any moment of an answer.
            wait_for_growth(folder, n_lines(folder), process)
            time.sleep(dice.random() * 0.1)
            process.send_signal(signal.SIGKILL)
            n_killed += 1
        rest, said = process.communicate(timeout=120)
        if "done" in rest:
            break
        assert process.returncode == -signal.SIGKILL, said
    assert n_killed == 10
    assert bytes_of(records.read(folder)) == bytes_of(unbroken)
    assert len(records.read(folder).records) == 40


def n_lines(folder: Path) -> int:
    path = folder / "run.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for_growth(folder: Path, n_before: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60.0
    while n_lines(folder) <= n_before and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.005)


def test_profiles_are_run_one_after_the_other_into_folders_of_their_own(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text("".join(json.dumps(to_json(one)) + "\n" for one in questions(2)), "utf-8")
    with ScriptedServer(KELP_SAYS, KELP_SAYS) as server:
        config = tmp_path / "footnoted.toml"
        config.write_text(f'[model.small]\nbase_url = "{server.base_url}"\nname = "scripted"\n', "utf-8")
        arguments = ["run", "--questions", str(file), "--library", str(library.path), "--config", str(config)]
        arguments += ["--profile", "small", "quote", "--judge", "rules", "--no-correction", "--no-cache"]
        assert cli.main([*arguments, "--dry-run", "--price", "1,2"]) == 0
        planned = capsys.readouterr().out
        assert "small: 2 answers" in planned and "$" in planned and "quote: 2 answers, quoting" in planned
        assert server.requests == []
        assert cli.main([*arguments, "--out", str(tmp_path / "out"), "--price", "1,2"]) == 0
    shown = capsys.readouterr().out
    assert "dollars an answer" in shown
    for name in ("small", "quote"):
        assert (tmp_path / "out" / name / "report.html").exists()
    assert cli.main([*arguments[:-7], "--profile", "small", "--quote"]) == 2

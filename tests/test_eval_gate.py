"""Two runs compared and held up against each other: by hand, through the command, and as a pytest user would."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import prompts
from eval import cli
from eval.benchmarks.planted import CopyingModel, without_citations
from eval.compare import compare
from eval.comparison_table import comparison_as_json, comparison_as_markdown, comparison_as_text
from eval.errors import OtherRun
from eval.gate import bars, bars_as_text
from eval.questions import Question
from eval.runs import records
from eval.runs.judged import Judged, JudgedClaim, Opinion
from eval.runs.records import FORMAT, Record, Run
from rag.chunks import split
from rag.context import render_sources
from rag.errors import UsageError
from rag.types import Hit, Paper, Source

N = 40


def question(n: int) -> Question:
    return Question(f"q{n}", f"What is fact {n}?", True, relevant=(f"p{n % 10}",), must=(f"fact {n}$",), tags=("fact",))


def answered(n: int, *, right: bool = True, supported: bool = True, repeat: int = 0) -> Record:
    text = f"It is fact {n}" if right else "It is something else"
    citation = {"number": 1, "paper_id": f"p{n % 10}", "title": "T", "quote": text, "start": 0, "end": len(text)}
    answer = {
        "outcome": "answered",
        "text": text,
        "claims": [{"text": text, "citations": [citation], "is_quote": False}],
        "sources": [{"paper_id": f"p{n % 10}", "title": "T", "text": text, "start": 0, "end": len(text), "score": 1.0}],
        "error": None,
        "reason": None,
    }
    opinion = Opinion("supported" if supported else "unsupported", 0.9 if supported else 0.1)
    claim = JudgedClaim(opinion, (opinion,), (Opinion("uncited", 0.0),), (f"p{n % 10}",))
    return Record(question(n), answer, judged=Judged("by hand", (claim,)), repeat=repeat, seconds=1.0)


def failed(n: int) -> Record:
    return Record(question(n), None, "the endpoint is gone")


def run_of(found: Sequence[Record], **about: Any) -> Run:
    ids = list(dict.fromkeys(record.question.question_id for record in found))
    known: dict[str, Any] = {
        "format": FORMAT,
        "system": "footnoted",
        "questions": {"count": len(ids), "sha256": str(hash(tuple(ids))), "ids": ids},
        "corpus": {"papers": 10, "fingerprint": "f" * 12},
        "settings": {"model": None, "n_sources": 6, "repeats": 1, "judge": "by hand", "graded": False},
        "code": "c" * 64,
        "prices": None,
        "started": "2026-01-01T00:00:00.000+00:00",
        "machine": {},
    }
    return Run(known | about, tuple(found))


BASE = run_of([answered(n) for n in range(N)])


def changed(make: Callable[[int], Record]) -> Run:
    return run_of([make(n) for n in range(N)])


def test_equal_runs_change_nothing_and_pass() -> None:
    found = compare(BASE, changed(answered))
    assert found.changed == () and found.n_other_words == 0
    assert {one.direction for one in found.measures if one.difference is not None} == {"same"}
    assert all(bar.passes for bar in bars(found))


def test_a_drop_is_counted_question_by_question() -> None:
    found = compare(BASE, changed(lambda n: answered(n, right=n >= 4, supported=n != 5)))
    by_name = {one.measure.name: one for one in found.measures}
    fact = by_name["fact_said"]
    assert (fact.before, fact.after, fact.n_wins, fact.n_losses) == (1.0, 0.9, 0, 4)
    assert fact.difference is not None and fact.difference.mean == pytest.approx(-0.1)
    assert {one.question.question_id for one in found.changed} == {f"q{n}" for n in (0, 1, 2, 3, 5)}
    assert found.changed[0].lost == ("fact_quoted",)
    assert [one.lost for one in found.changed if one.question.question_id == "q5"] == [("faithfulness",)]
    text = comparison_as_text(found)
    assert "before: It is fact 0" in text and "after:  It is something else" in text
    assert "| -10.0 |" in comparison_as_markdown(found)
    assert comparison_as_json(found)["measures"]["fact_said"]["n_losses"] == 4


def test_a_rise_of_something_bad_is_a_loss() -> None:
    def refuses(n: int) -> Record:
        one = answered(n)
        if n >= 8:
            return one
        assert one.answer is not None
        return dataclasses.replace(one, answer={**one.answer, "outcome": "abstained", "claims": []}, judged=None)

    found = compare(BASE, changed(refuses))
    refused = next(one for one in found.measures if one.measure.name == "false_refusal")
    assert (refused.n_wins, refused.n_losses, refused.direction) == (0, 8, "worse")
    gate = {bar.paired.measure.name: bar for bar in bars(found, {"false_refusal": 0.05, "faithfulness": 0.02})}
    assert not gate["false_refusal"].passes and gate["false_refusal"].worst is not None
    assert gate["false_refusal"].worst > 0.2
    assert gate["faithfulness"].passes  # of those that were answered
    assert "the gate is closed: 1 of 2 fail" in bars_as_text(list(gate.values()))


def test_the_gate_looks_at_the_far_end_of_the_interval() -> None:
    one_lost = compare(BASE, changed(lambda n: answered(n, right=n != 0)))
    (bar,) = bars(one_lost, {"fact_said": 0.05})
    # A drop of 2.5 points was seen, but one of more than 5 cannot be ruled out.
    assert bar.paired.difference is not None and bar.paired.difference.mean == pytest.approx(-0.025)
    assert not bar.passes and not bar.is_sure
    assert "cannot be ruled out" in bar.verdict
    assert bars(one_lost, {"fact_said": 0.2})[0].passes


def test_what_fails_afterwards_counts_as_the_worst() -> None:
    half_gone = changed(lambda n: failed(n) if n % 2 else answered(n))
    found = compare(BASE, half_gone)
    fact = next(one for one in found.measures if one.measure.name == "fact_said")
    assert fact.difference is not None and fact.difference.mean == 0.0
    assert (fact.n_pairs, fact.n_lost) == (20, 20)
    (bar,) = bars(found, {"fact_said": 0.05})
    assert not bar.passes and bar.is_sure


def test_repeats_are_averaged_before_they_are_paired() -> None:
    before = run_of([answered(n, repeat=r) for n in range(N) for r in range(2)])
    after = run_of([answered(n, right=r == 0, repeat=r) for n in range(N) for r in range(2)])
    fact = next(one for one in compare(before, after).measures if one.measure.name == "fact_said")
    assert (fact.n_pairs, fact.after) == (N, 0.5)


def test_other_papers_and_other_questions_are_refused_with_the_differences() -> None:
    with pytest.raises(OtherRun, match=r"other papers \(10 before, 11 after\)"):
        compare(BASE, run_of(BASE.records, corpus={"papers": 11, "fingerprint": "g"}))
    with pytest.raises(OtherRun, match="with other titles or abstracts"):
        compare(BASE, run_of(BASE.records, corpus={"papers": 10, "fingerprint": "g"}))
    fewer = run_of([answered(n) for n in range(3, N)])
    with pytest.raises(OtherRun, match=r"3 questions only before \(q0, q1, q2\)"):
        compare(BASE, fewer)
    reworded = [
        dataclasses.replace(one, question=dataclasses.replace(one.question, question="?")) for one in BASE.records
    ]
    with pytest.raises(OtherRun, match=r"40 questions asked in other words \(q0.* and 35 more\)"):
        compare(BASE, run_of(reworded, questions={**BASE.about["questions"], "sha256": "other"}))


def test_unknown_measures_are_named_together() -> None:
    with pytest.raises(UsageError, match="'speed', 'beauty'"):
        bars(compare(BASE, BASE), {"speed": 0.1, "beauty": 0.1})


def written(folder: Path, run: Run) -> Path:
    records.write(folder, run)
    return folder / "run.jsonl"


def test_the_commands_compare_and_gate_two_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = written(tmp_path / "before", BASE)
    worse = written(tmp_path / "after", changed(lambda n: answered(n, right=n >= 8))).parent
    assert cli.main(["compare", str(before.parent), str(worse), "--out", str(tmp_path / "page")]) == 0
    assert "8 answers changed in what is measured" in capsys.readouterr().out
    page = (tmp_path / "page" / "compare.html").read_text("utf-8")
    assert "It is something else" in page and "8 questions changed" in page
    common = ["gate", str(worse), "--baseline", str(before)]
    assert cli.main([*common, "--max-drop", "faithfulness=0.02"]) == 0
    assert "the gate is open" in capsys.readouterr().out
    assert cli.main([*common, "--max-drop", "fact_said=0.02", "faithfulness=0.02", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["open"], found["measures"]["fact_said"]["is_sure"]) == (False, True)
    assert cli.main(common) == 1  # the default drops
    assert cli.main([*common, "--max-drop", "speed=0.1"]) == 2
    other = written(tmp_path / "other", run_of(BASE.records, corpus={"papers": 3, "fingerprint": "x"}))
    assert cli.main(["gate", str(worse), "--baseline", str(other)]) == 2
    assert "cannot be compared" in capsys.readouterr().err
    assert cli.main(["gate", str(worse), "--baseline", str(tmp_path / "nothing")]) == 1
    for wrong in ("faithfulness", "faithfulness=-1", "faithfulness=nan", "=0.1"):
        with pytest.raises(SystemExit) as ended:
            cli.main([*common, "--max-drop", wrong])
        assert ended.value.code == 2


def test_a_pytest_user_gets_the_table_of_a_closed_gate(tmp_path: Path, footnoted_gate: Any) -> None:
    before = written(tmp_path / "before", BASE)
    same = written(tmp_path / "same", changed(answered))
    worse = written(tmp_path / "after", changed(lambda n: answered(n, right=False)))
    assert all(bar.passes for bar in footnoted_gate(before, same))
    with pytest.raises(pytest.fail.Exception, match="the gate is closed: 1 of 1 fail"):
        footnoted_gate(before, worse, max_drop={"fact_said": 0.02})
    with pytest.raises(pytest.fail.Exception, match="holds no run"):
        footnoted_gate(tmp_path / "none", worse)


def test_the_stand_in_copies_sentences_as_they_stand_and_cites_only_where_the_prompt_asks_for_it() -> None:
    paper = Paper("p", "Kelp", "Kelp forests shelter many fish. Giant kelp grows 60 centimetres a day in summer.")
    (chunk,) = split(paper)
    sources = render_sources([Source(1, Hit(paper, chunk, 1.0, ()), chunk.sentences)], lettered=True)

    def said() -> str:
        asked = prompts.load("answer").render(
            sources=sources, question="How fast does giant kelp grow in summer?", manner="short sentences"
        )
        return "".join(CopyingModel(0, noise=0.0).stream(asked))

    assert said().startswith("Giant kelp grows 60 centimetres a day in summer [1b].")
    with without_citations():
        assert said().startswith("Giant kelp grows 60 centimetres a day in summer. Kelp")
        assert not any("[2" in one.content for one in prompts.load("answer").render(sources="", question="", manner=""))

"""A run scored again: other expressions, another judge, the same answers."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence

from eval.errors import QuestionFileError
from eval.questions import Question
from eval.runs.judged import Judged
from eval.runs.records import Record, Run
from eval.runs.runner import FAILURES_IN_A_ROW, Scoring
from rag.judge.judgement import Judge


def rescore(
    run: Run,
    *,
    questions: Sequence[Question] | None = None,
    judge: Judge | None = None,
    judge_name: str | None = None,
    drop_verdicts: bool = False,
    deadline_seconds: float = 120.0,
) -> Run:
    """The run judged by ``judge`` (None: the verdicts stay) and by the expressions of ``questions``.

    Raises QuestionFileError if a question is missing there or asks something else: then its
    answers are to another question.
    """
    records = list(run.records)
    if questions is not None:
        records = _with_questions(records, questions)
    about = run.about
    if judge is not None or drop_verdicts:
        about = {**about, "settings": {**about["settings"], "judge": judge_name if judge else None, "graded": False}}
        records = _judged(records, Scoring(judge, judge_name or "", None, deadline_seconds))
    return Run(about, tuple(records), run.stopped)


def _with_questions(records: Sequence[Record], questions: Sequence[Question]) -> list[Record]:
    known = {one.question_id: one for one in questions}
    problems = []
    for name in dict.fromkeys(record.question.question_id for record in records):
        own = next(record.question for record in records if record.question.question_id == name)
        new = known.get(name)
        if new is None:
            problems.append(f"the question '{name}' is not in the file")
        elif (new.question, new.history) != (own.question, own.history):
            problems.append(f"'{name}' asks something else there: its answer is to '{own.question[:60]}'")
    if problems:
        raise QuestionFileError("the answers are not to these questions", problems)
    return [
        dataclasses.replace(record, question=_with_ids(known[record.question.question_id], record))
        for record in records
    ]


def _with_ids(question: Question, record: Record) -> Question:
    """Papers named by the beginning of their title get the ids that the run knows them by."""
    titles = {source["title"]: source["paper_id"] for source in (record.answer or {"sources": ()})["sources"]}
    found = []
    for name in question.relevant:
        fitting = [paper for title, paper in titles.items() if title.casefold().startswith(name.casefold())]
        # A paper that the search missed keeps its name: it matches no source, as it should.
        found.append(fitting[0] if len(fitting) == 1 else name)
    old = record.question.relevant
    if len(old) == len(question.relevant):
        found = [was if now == name else now for was, now, name in zip(old, found, question.relevant, strict=True)]
    return dataclasses.replace(question, relevant=tuple(found))


def _judged(records: Sequence[Record], scoring: Scoring) -> list[Record]:
    done: list[Record] = []
    n_failed = 0
    for record in records:
        judged = None
        if record.answer is not None and scoring.judge is not None:
            if n_failed >= FAILURES_IN_A_ROW:
                error = f"the judge failed {FAILURES_IN_A_ROW} times in a row and was not asked again"
                judged = Judged(scoring.judge_name, error=error)
            else:
                judged = _in_time(record, scoring)
                if judged is not None:
                    n_failed = n_failed + 1 if judged.error else 0
        done.append(dataclasses.replace(record, judged=judged))
    return done


def _in_time(record: Record, scoring: Scoring) -> Judged | None:
    """Within the deadline, or an error that says so; the judge's own thread is left behind then."""
    found: list[Judged | None] = []
    raised: list[BaseException] = []

    def work() -> None:
        assert record.answer is not None
        try:
            found.append(scoring.judged(record.question, record.answer))
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits for it
            raised.append(error)

    thread = threading.Thread(target=work, name="eval-judge", daemon=True)
    thread.start()
    thread.join(scoring.deadline_seconds)
    if raised:
        raise raised[0]
    if found:
        return found[0]
    return Judged(scoring.judge_name, error=f"no judgement within the deadline of {scoring.deadline_seconds:g} s")

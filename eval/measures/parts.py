"""Do the parts that an answer rests on still do their work, where other parts make up for them?

A reranker can hide that half of the search is gone, and the check finds footnotes that a model
forgot. The answers may then be as good as before, on these questions: the reserve is used up
all the same.
"""

from __future__ import annotations

from eval.measures.measure import Measure, Value
from eval.questions import Question
from eval.runs.records import Record
from rag.answer.repairing import CORRECTED, FOUND


def found_both_ways(record: Record) -> Value:
    """Whether the first source was found by its words and by its meaning; not about answers without sources."""
    assert record.answer is not None
    ways = [{found["side"] for found in source.get("found_by", ())} for source in record.answer["sources"]]
    return {"lexical", "dense"} <= ways[0] if ways and ways[0] else None


def footnotes_written(record: Record) -> Value:
    """Claims of a model whose footnotes it set itself, and rightly / claims of a model that have footnotes."""
    assert record.answer is not None
    if record.answer["outcome"] != "answered" or record.answer.get("model") is None:
        return None
    cited = [claim for claim in record.answer["claims"] if claim["citations"]]
    put_right = [claim for claim in cited if {FOUND, CORRECTED} & set(claim.get("reasons", ()))]
    return 1 - len(put_right) / len(cited) if cited else None


def _answerable(question: Question) -> bool:
    return question.answerable


def _any(_: Question) -> bool:
    return True


FOUND_BOTH_WAYS = Measure("found_both_ways", "first source found both ways", _answerable, found_both_ways)
FOOTNOTES_WRITTEN = Measure("footnotes_written", "footnotes not put right", _any, footnotes_written)

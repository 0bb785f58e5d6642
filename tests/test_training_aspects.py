"""The labelled cells of comparisons: that they hang together, and how right and wrong ones are counted."""

from __future__ import annotations

from eval.training.aspects import Cells, Labelled, cells, labelled
from rag.answer.aspects import ASPECTS
from rag.chunks import split
from rag.types import Hit, Paper

PAPER = Paper("kelp", "Kelp", "Kelp is scarce. We plant kelp. It grew.")


def test_every_label_is_a_sentence_of_its_abstract() -> None:
    rows = labelled()
    assert len(rows) == 50
    for one in rows:
        abstract = one.hit.paper.abstract
        sentences = {span.of(abstract) for span in one.hit.chunk.sentences}
        assert set(one.telling) == {aspect.name for aspect in ASPECTS}
        assert all(set(own) <= sentences for own in one.telling.values())
    assert sum(bool(one.telling["limitation"]) for one in rows) == 11


def test_a_cell_is_right_wrong_or_missing() -> None:
    one = Labelled(
        Hit(PAPER, split(PAPER)[0], 1.0, ()),
        {"question": ("Kelp is scarce.",), "method": ("We plant kelp.",), "result": ("It grew.",), "limitation": ()},
    )
    cell = {"question": "Kelp is scarce.", "method": "It grew.", "limitation": "It grew."}
    found = cells([(one, cell)], ["question", "method", "result", "limitation"])
    assert found == Cells(n_filled=3, n_told=3, n_right=1)
    assert (found.precision, found.recall) == (1 / 3, 1 / 3)
    assert cells([(one, {})], ["limitation"]) == Cells(0, 0, 0)
    assert (Cells(0, 0, 0).precision, Cells(0, 0, 0).recall) == (0.0, 0.0)

"""What a comparison names one by one, on the papers that ship."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from command import first_papers

from rag.answer.parties import parties_of
from rag.library import Library
from rag.pipeline import ask

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("pile") / "library") as library:
        library.add(first_papers(62))
        yield library


@pytest.mark.parametrize(
    ("topic", "parties"),
    [
        ("FBLNet and PyMAF-X", ("FBLNet", "PyMAF-X")),
        ("RLHF Workflow, RLHS, and RLUF", ("RLHF Workflow", "RLHS", "RLUF")),
        ("the paper on digital twins with the paper on surgical feedback", ("digital twins", "surgical feedback")),
        (
            "error feedback versus meta flow matching in terms of data and cost",
            ("error feedback", "meta flow matching"),
        ),
        ("hypernetworks", ()),
        ("it and that", ()),
        ("a, b, c, d, e and hypernetworks", ()),
        ("", ()),
    ],
)
def test_parties_stand_between_and_with_and_commas(topic: str, parties: tuple[str, ...]) -> None:
    assert parties_of(topic) == parties


@pytest.mark.parametrize(
    ("question", "titles"),
    [
        ("Compare FBLNet and PyMAF-X", ("FBLNet", "PyMAF-X")),
        ("Compare RLHS with RLUF", ("RLHS", "Reinforcement Learning from User Feedback")),
        ("Contrast error feedback and meta flow matching", ("Error Feedback Reloaded", "Meta Flow Matching")),
    ],
)
def test_each_party_has_its_column(pile: Library, question: str, titles: tuple[str, ...]) -> None:
    answer = ask(pile, question)
    assert answer.outcome == "answered"
    assert answer.table is not None
    shown = [pile.paper(paper_id).title for paper_id in answer.table.paper_ids]
    assert [title.startswith(begin) for title, begin in zip(shown, titles, strict=True)] == [True] * len(titles)


def test_a_named_party_that_no_paper_has_is_said_to_be_missing(pile: Library) -> None:
    answer = ask(pile, "Compare FBLNet with GPT-4")
    assert "No abstract here speaks of “GPT-4”." in answer.notes
    assert answer.table is not None
    assert len(answer.table.paper_ids) == 1


def test_where_no_party_has_a_paper_nothing_is_compared(pile: Library) -> None:
    answer = ask(pile, "Compare aspirin and ibuprofen")
    assert (answer.outcome, answer.claims) == ("abstained", ())

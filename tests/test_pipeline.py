"""The whole way from a question to a checked answer: five outcomes, history, numbers, and what is left out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import first_papers
from scripted_server import Break, Says, Script, ScriptedServer, Status

from rag.config import N_SOURCES, ModelConfig
from rag.library import Library
from rag.llm import LanguageModel, open_model
from rag.pipeline import MAX_QUESTION_CHARACTERS, ask, stream
from rag.types import Answer, Checked, Finished, Found, Paper, Searching, Turn, Wrote, cited_paper_ids

pytestmark = pytest.mark.slow

QUESTION = "How is driver attention predicted by FBLNet?"
FACT = "FBLNet models the accumulation of driving experience"


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("pile") / "library") as library:
        library.add(first_papers(12))
        yield library


def at(server: ScriptedServer) -> LanguageModel:
    model = open_model(ModelConfig(server.base_url, "scripted", max_retries=0))
    assert model is not None
    return model


def written(pile: Path | Library, *scripts: Script, question: str = QUESTION, **more: object) -> Answer:
    with ScriptedServer(*scripts) as server:
        return ask(pile, question, model=at(server), **more)  # type: ignore[arg-type]


def quotes_are_exact(pile: Library, answer: Answer) -> bool:
    return all(
        citation.span is not None and citation.span.of(pile.paper(citation.paper_id).abstract) == citation.quote
        for claim in answer.claims
        for citation in claim.citations
        if citation.paper_id is not None
    )


def test_quoting_tells_its_story_in_order_and_cites_exactly(pile: Library) -> None:
    events = list(stream(pile, QUESTION))
    assert [type(event) for event in events[:3]] == [Searching, Found, Wrote]
    assert isinstance(events[-1], Finished)
    answer = events[-1].answer
    assert [event.claim for event in events if isinstance(event, Checked)] == list(answer.claims)
    assert (answer.outcome, answer.model) == ("answered", None)
    assert 1 <= len(answer.claims) <= 3
    assert all(claim.is_quote and claim.verdict == "supported" for claim in answer.claims)
    assert answer.claims[0].citations[0].title.startswith("FBLNet")
    assert quotes_are_exact(pile, answer)
    assert answer.timings.total_seconds >= answer.timings.search_seconds > 0


def test_as_many_sources_as_asked_for_and_six_if_nobody_said(pile: Library) -> None:
    assert len(ask(pile, QUESTION).sources) == N_SOURCES == 6
    assert len(ask(pile, QUESTION, n_sources=2).sources) == 2


def test_a_written_answer_is_checked_sentence_by_sentence(pile: Library) -> None:
    text = f"{FACT} [1]. It was tested on 93 datasets [1]. Everybody loves it. It also flies [9]."
    answer = written(pile, Says(text))
    assert answer.outcome == "answered"
    assert [claim.verdict for claim in answer.claims] == ["supported", "unsupported", "uncited", "unsupported"]
    assert answer.claims[1].reasons[0] == "the number '93' does not stand in what is cited"
    assert answer.claims[3].reasons == ("there is no source 9",)
    assert quotes_are_exact(pile, answer)
    assert answer.usage.completion_tokens == 7


def test_verified_only_leaves_out_what_failed_and_says_how_much(pile: Library) -> None:
    text = f"It was tested on 93 datasets [2]. {FACT} [1]. Everybody loves it."
    answer = written(pile, Says(text), verified_only=True, repair=False)
    assert answer.outcome == "answered"
    assert answer.text == f"{FACT}. [1]"
    assert [claim.verdict for claim in answer.claims] == ["supported"]
    assert answer.claims[0].citations[0].title.startswith("FBLNet")
    assert answer.notes == ("2 sentences that failed the check were left out.",)


def test_numbers_of_what_was_left_out_do_not_shift_the_next_turn(pile: Library) -> None:
    first = written(pile, Says(f"It was tested on 93 datasets [2]. {FACT} [1]."), verified_only=True)
    turn = Turn(QUESTION, first.text, cited_paper_ids(first.claims))
    rewritten = Says("How does FBLNet work?")
    second = written(pile, rewritten, Says(f"{FACT} [1]."), history=(turn,), question="And how does it work?")
    assert second.claims[0].citations[0].number == first.claims[0].citations[0].number == 1


def test_verified_only_with_nothing_left_is_an_abstention_that_says_why(pile: Library) -> None:
    answer = written(pile, Says("Everybody loves it."), verified_only=True)
    assert (answer.outcome, answer.reason) == ("abstained", "not_stated")
    assert answer.notes == ("1 sentence that failed the check was left out.",)


def test_verified_only_holds_for_an_answer_that_broke_off_too(pile: Library) -> None:
    pieces = ["Everybody loves it. ", f"{FACT} [1]. ", "And then it "]
    answer = written(pile, Break(pieces), verified_only=True)
    assert answer.outcome == "failed"
    assert answer.text == f"{FACT}. [1]"


def test_a_model_that_declines_is_an_abstention_that_names_the_nearest_paper(pile: Library) -> None:
    answer = written(pile, Says("NOT IN THE SOURCES"))
    assert (answer.outcome, answer.reason, answer.claims) == ("abstained", "model_declined", ())
    assert "FBLNet" in answer.text
    assert answer.sources


def test_a_failure_is_never_an_abstention_and_keeps_what_was_found(pile: Library) -> None:
    answer = written(pile, Status(500))
    assert (answer.outcome, answer.reason, answer.text) == ("failed", None, "")
    assert answer.error
    assert answer.sources[0].hit.paper.title.startswith("FBLNet")


def test_a_break_in_the_middle_keeps_the_sentences_that_were_whole(pile: Library) -> None:
    answer = written(pile, Break([f"{FACT} [1]. ", "It also "]))
    assert answer.outcome == "failed"
    assert [claim.text for claim in answer.claims] == [f"{FACT}."]
    assert answer.text.startswith(f"{FACT} [1].")


def test_no_words_are_empty_not_abstained(pile: Library) -> None:
    answer = written(pile, Says(" \n"))
    assert (answer.outcome, answer.reason) == ("empty", None)
    assert answer.sources


def test_stop_before_a_word_and_after_some(pile: Library) -> None:
    stop = threading.Event()
    stop.set()
    *_, last = stream(pile, QUESTION, stop=stop)
    assert isinstance(last, Finished)
    assert last.answer.outcome == "stopped"

    stop.clear()
    with ScriptedServer(Says(f"{FACT} [1]. " + "More and more words. " * 50, pause_seconds=0.02)) as server:
        for event in stream(pile, QUESTION, model=at(server), stop=stop):
            if isinstance(event, Checked):
                stop.set()
    assert isinstance(event, Finished)
    assert event.answer.outcome == "stopped"
    assert event.answer.text.startswith(f"{FACT} [1].")


def test_an_empty_library_and_an_empty_question_ask_no_model(tmp_path: Path, pile: Library) -> None:
    with ScriptedServer() as server, Library.open(tmp_path / "none") as nothing:
        assert ask(nothing, QUESTION, model=at(server)).reason == "empty_library"
        for question in ("", " \n\t", "🦦🌿", "\x00", "hello", "thanks!"):
            assert ask(pile, question, model=at(server)).reason == "not_a_question"
        far = ask(pile, "Which pizza topping do penguins prefer on Sundays in Antarctica?", model=at(server))
        assert server.requests == [] or far.outcome != "answered"


@pytest.mark.parametrize("question", ["\x00How is driver attention \x1bpredicted by FBLNet?", f"  {QUESTION}\n"])
def test_control_characters_are_no_part_of_a_question(pile: Library, question: str) -> None:
    answer = ask(pile, question)
    assert answer.question.isprintable()
    assert answer.outcome == "answered"


def test_a_question_of_20000_characters_is_trimmed_and_says_so(pile: Library) -> None:
    answer = ask(pile, (QUESTION + " ") * 450)
    assert len(answer.question) == MAX_QUESTION_CHARACTERS
    assert answer.notes == ("The question has 20,249 characters; only the first 4,000 were used.",) or answer.notes[
        0
    ].startswith("The question has ")
    assert answer.sources[0].hit.paper.title.startswith("FBLNet")


def first_cited(answer: Answer) -> str:
    return (answer.claims[0].citations[0] if answer.claims else answer.sources[0].hit.paper).title


def test_a_follow_up_finds_the_paper_of_the_turn_before(pile: Library) -> None:
    first = ask(pile, QUESTION)
    turn = Turn(QUESTION, first.text, cited_paper_ids(first.claims))
    answer = ask(pile, "On which datasets was it tested?", history=(turn,))
    assert answer.question == "On which datasets was it tested?"
    assert "FBLNet" in answer.standalone_question
    assert answer.sources[0].hit.paper.title.startswith("FBLNet")


def test_a_greeting_in_between_does_not_make_it_forget(pile: Library) -> None:
    history = (Turn("What is FBLNet?", "A network that predicts driver attention."), Turn("thanks", "You are welcome."))
    assert "FBLNet" in ask(pile, "On which datasets was it tested?", history=history).standalone_question


def test_an_answerless_turn_about_something_else_moves_the_topic(pile: Library) -> None:
    first, *_, other = first_papers(12)
    history = (
        Turn(QUESTION, "By feedback [1].", (first.paper_id,)),
        Turn(f"Who funded {other.title}?", "The abstracts do not say."),
    )
    answer = ask(pile, "What does it propose?", history=history)
    assert answer.sources[0].hit.paper.paper_id == other.paper_id


def test_numbers_and_places_mean_papers_of_the_conversation(pile: Library) -> None:
    one, two, three, *_ = first_papers(12)
    history = (Turn("A?", "B [1]. C [2].", (one.paper_id, two.paper_id)), Turn("D?", "E [3].", (three.paper_id,)))
    for question, paper in (
        ("What does [2] propose?", two),
        ("What does [3] propose?", three),
        ("What does it propose?", three),
    ):
        assert ask(pile, question, history=history).sources[0].hit.paper == paper, question
    answer = ask(pile, "And what does the second one propose?", history=history[:1])
    assert answer.sources[0].hit.paper == two
    assert "[" not in ask(pile, "What does [2] propose?", history=history).standalone_question


def test_numbers_stay_across_turns_and_go_on(pile: Library) -> None:
    one, two, *_ = first_papers(12)
    history = (Turn("A?", "B [1].", (two.paper_id,)),)
    with ScriptedServer(Says(f"{FACT} [1].")) as server:
        answer = ask(pile, QUESTION, model=at(server), history=history)
    assert answer.claims[0].citations[0].paper_id == one.paper_id
    assert answer.claims[0].citations[0].number == 2
    assert "[2]" in answer.text


def test_a_removed_paper_in_the_history_costs_nothing(pile: Library) -> None:
    history = (Turn("What was it?", "This [1].", ("title:gone",)),)
    assert ask(pile, "How does it work?", history=history).outcome in ("answered", "abstained")


def test_the_first_cited_paper_of_a_turn_is_its_first_use_not_its_lowest_number(pile: Library) -> None:
    one = first_papers(1)[0]
    with ScriptedServer(Says(f"{FACT} [1]. It also read [2].")) as server:
        sources = ask(pile, QUESTION, model=at(server)).sources
        old = sources[1].hit.paper.paper_id
        server.queue(Says(f"{FACT} [1]. It also read [2]."))
        answer = ask(pile, QUESTION, model=at(server), history=(Turn("A?", "B [1].", (old,)),))
    assert [claim.citations[0].number for claim in answer.claims] == [2, 1]
    assert cited_paper_ids(answer.claims) == (one.paper_id, old)


def test_an_authors_papers_are_each_shown_by_what_they_say(tmp_path: Path) -> None:
    by = Paper("a:1", "Kelp forests", "Kelp forests shelter young fish.", authors=("Mohandas Gandhi",), year=2025)
    other = Paper("a:2", "Sea grass", "Sea grass keeps sand in its place.", authors=("Ada Lovelace",), year=2025)
    with Library.open(tmp_path / "library") as library:
        library.add([by, other])
        for question in ("papers by Gandhi", "Gandhi et al. 2025"):
            answer = ask(library, question)
            assert (answer.outcome, cited_paper_ids(answer.claims)) == ("answered", ("a:1",))
            assert answer.notes[0] == "Only papers by Gandhi were searched, as the question asks."


def test_the_years_that_a_question_asks_for_are_kept_to_or_said_to_be_unknown(tmp_path: Path) -> None:
    old = Paper("old:1", "Kelp forests of cold coasts", "Kelp forests shelter young fish along cold coasts.", year=1999)
    new = Paper("new:1", "Kelp forests in warm years", "Kelp forests lose their young fish in warm years.", year=2024)
    with Library.open(tmp_path / "library") as library:
        library.add([old, new])
        answer = ask(library, "Which papers since 2020 are about kelp forests?")
        assert {source.hit.paper.paper_id for source in answer.sources} == {"new:1"}
        assert answer.notes == ("Only papers from 2020 were searched, as the question asks.",)
        assert answer.years == (2020, None)
        every = ask(library, "Which papers since 2020 are about kelp forests?", reads_years=False)
        assert len(every.sources) == 2 and every.years is None and every.notes == ()
        none = ask(library, "Which papers after 2030 are about kelp forests?")
        assert {source.hit.paper.paper_id for source in none.sources} == {"old:1", "new:1"}
        assert none.notes == ("No paper here is known to be from 2031: all were searched, whatever their year.",)


def quoted_in_turn(pile: Library, *questions: str) -> list[Answer]:
    """The answers of a conversation in quoting mode."""
    history: list[Turn] = []
    answers = []
    for question in questions:
        answers.append(ask(pile, question, history=history))
        history.append(Turn(question, answers[-1].text, cited_paper_ids(answers[-1].claims)))
    return answers


def test_quotes_can_be_fewer_or_more_and_it_is_said_where_they_cannot(pile: Library) -> None:
    usual, shorter, again, longer = quoted_in_turn(pile, QUESTION, "shorter", "shorter", "longer")
    assert 1 == len(shorter.claims) < len(usual.claims) < len(longer.claims)
    assert shorter.claims[0].text in usual.text
    assert not shorter.notes and not longer.notes
    assert again.text == shorter.text and "could say this shorter" in again.notes[-1]


def test_a_language_that_quotes_cannot_speak_is_said_to_need_a_model(pile: Library) -> None:
    usual, german = quoted_in_turn(pile, QUESTION, "in German")
    assert german.text == usual.text
    assert any("only a model that writes can answer in German" in note for note in german.notes)


def test_a_paper_that_the_conversation_does_not_have_is_not_made_up_for(pile: Library) -> None:
    first, absent, beside = quoted_in_turn(pile, QUESTION, "Tell me more about [9]", "What does [9] say of drivers?")
    assert (absent.outcome, absent.reason, absent.sources) == ("abstained", "not_a_question", ())
    assert "no [9]" in absent.text
    assert any("no [9]" in note for note in beside.notes)
    (alone,) = quoted_in_turn(pile, "[1]")
    assert alone.reason == "not_a_question"
    assert quoted_in_turn(pile, QUESTION, "[1]")[1].claims[0].citations[0].title == first.claims[0].citations[0].title


def test_a_comparison_by_topic_holds_papers_that_fit_it_alone(pile: Library) -> None:
    answer = ask(pile, "Compare papers on driver attention")
    assert answer.table is not None and len(answer.table.paper_ids) == 1
    assert any("Only one paper" in note for note in answer.notes)

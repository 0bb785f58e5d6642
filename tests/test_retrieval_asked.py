"""Questions as people ask them: what is read into them, and which paper comes first."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hashing import HashingEmbedder, kelp_paper

from rag.filters import Filter
from rag.lexical import look_by_words
from rag.library import Library
from rag.retrieval import CONFIGURATIONS, Found, look, search
from rag.retrieval.asked import MAX_QUESTION_CHARACTERS, NOT_ENGLISH, NOTHING_ASKED, asked
from rag.retrieval.spelling import ReadAs
from rag.types import Paper

pytestmark = pytest.mark.slow

PAPERS = (
    Paper(
        "arxiv:2503.01234",
        "Cognitive behaviors that enable self-improving reasoners",
        "Models verify their steps. They backtrack when they are stuck.",
        authors=("Kanishk Gandhi", "Ayush Chakravarthy"),
        year=2025,
        arxiv_id="2503.01234",
    ),
    Paper(
        "doi:10.1000/xyz.1",
        "Understanding social reasoning",
        "We test language models. BigToM is a benchmark of what others believe.",
        authors=("K. Gandhi",),
        year=2023,
        doi="10.1000/xyz.1",
    ),
    Paper(
        "pmid:123456",
        "β-amyloid in tumours",
        "The behaviour of β-amyloid was analysed. Graph Neural Networks (GNNs) model it.",
        authors=("Ada Lovelace",),
        year=2019,
        pmid="123456",
    ),
    Paper("p4", r"$\beta$-amyloid and plaques", "The plaques differ. Optimization of tumor modeling helps.", year=2021),
    Paper(
        "p5",
        "Attention is all you need: a reply",
        "A transformer is proposed. Retrieval of images needs attention to their rims.",
        authors=("Ashish Vaswani", "Noam Shazeer"),
        year=2017,
    ),
    *(Paper(f"k{n}", f"Kelp study number {n}", f"Kelp grows fast in sea {n}.", year=2000 + n) for n in range(20)),
)


@pytest.fixture(scope="module")
def pile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("asked") / "library", embedder=HashingEmbedder()) as library:
        library.add(PAPERS)
        yield library


def found(pile: Library, question: str, k: int = 5) -> Found:
    return look(pile, question, k=k, reranker=None)


def first(pile: Library, question: str) -> str:
    hits = {found(pile, question).hits[0].paper.paper_id, look_by_words(pile, question, k=5).hits[0].paper.paper_id}
    assert len(hits) == 1, "with and without vectors"
    return hits.pop()


@pytest.mark.parametrize(
    ("question", "paper_id"),
    [
        ("2503.01234", "arxiv:2503.01234"),
        ("arXiv:2503.01234v2", "arxiv:2503.01234"),
        ("What does https://arxiv.org/abs/2503.01234v1 find?", "arxiv:2503.01234"),
        ("https://doi.org/10.1000/XYZ.1", "doi:10.1000/xyz.1"),
        ("what is tested in 10.1000/xyz.1?", "doi:10.1000/xyz.1"),
        ("PMID: 123456", "pmid:123456"),
        ("Attention is all you need", "p5"),
        ("attention is all you need: a reply", "p5"),
        ("the paper “Attention is all you need”", "p5"),
        ("What does Attention is all you need propose?", "p5"),
        ("is all you need", "p5"),
        ("kelp study number 17", "k17"),
        ("Understanding social reasoning", "doi:10.1000/xyz.1"),
    ],
)
def test_a_paper_that_is_named_comes_first(pile: Library, question: str, paper_id: str) -> None:
    assert first(pile, question) == paper_id


def test_an_identifier_that_is_not_held_is_said_and_a_bare_number_may_be_any(pile: Library) -> None:
    assert asked(pile, "kelp in arXiv:2401.00001").notes == ("No paper here has the identifier arXiv:2401.00001.",)
    assert asked(pile, "kelp grew by 2401.0001").notes == ()


@pytest.mark.parametrize(
    ("question", "paper_ids"),
    [
        ("papers by Gandhi", ["arxiv:2503.01234", "doi:10.1000/xyz.1"]),
        ("papers by gandhi on social reasoning", ["doi:10.1000/xyz.1", "arxiv:2503.01234"]),
        ("papers by Gandhi social reasoning", ["doi:10.1000/xyz.1", "arxiv:2503.01234"]),
        ("Gandhi et al. 2025", ["arxiv:2503.01234"]),
        ("what does Gandhi et al. (2023) test?", ["doi:10.1000/xyz.1"]),
        ("gandhi", ["arxiv:2503.01234", "doi:10.1000/xyz.1"]),
        ("Kanishk Gandhi", ["arxiv:2503.01234"]),
        ("Vaswani and Shazeer (2017)", ["p5"]),
        ("Lovelace's papers", ["pmid:123456"]),
    ],
)
def test_an_author_keeps_the_search_to_their_papers_and_it_is_said(
    pile: Library, question: str, paper_ids: list[str]
) -> None:
    result = found(pile, question)
    assert [hit.paper.paper_id for hit in result.hits] == paper_ids
    assert any(note.startswith("Only papers by") for note in result.asked.notes)


@pytest.mark.parametrize(
    "question", ["papers by gradient descent", "works by hand", "papers by x", "graph neural networks", "Kelp"]
)
def test_a_name_that_no_author_has_is_none(pile: Library, question: str) -> None:
    assert asked(pile, question).only is None


@pytest.mark.parametrize("question", ["GNN", "GNNs", "gnns", "graph neural network", "Graph Neural Networks (GNN)"])
def test_an_acronym_and_its_long_form_find_the_abstract_that_defines_it(pile: Library, question: str) -> None:
    assert first(pile, question) == "pmid:123456"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tumour", "tumor"),
        ("behaviour was analysed", "behavior was analyzed"),
        ("tumour modelling, optimisation", "tumor modeling, optimization"),
        ("β-amyloid", "beta-amyloid"),
        (r"$\beta$-amyloid plaques", "beta-amyloid plaques"),
    ],
)
@pytest.mark.parametrize("name", ["lexical", "dense", "hybrid"])
def test_both_ways_to_write_a_word_find_the_same(pile: Library, one: str, other: str, name: str) -> None:
    settings = CONFIGURATIONS[name]
    assert search(pile, one, settings=settings) == search(pile, other, settings=settings) != ()


def test_greek_letters_and_tex_find_each_other(pile: Library) -> None:
    assert {hit.paper.paper_id for hit in found(pile, "beta-amyloid", k=2).hits} == {"pmid:123456", "p4"}


# -- slips


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("retreival", "retrieval"),
        ("atention", "attention"),
        ("lanugage", "language"),
        ("transfromer", "transformer"),
        ("plaqeus", "plaques"),
        ("optimzaton", "optimization"),
        ("Benchmrak", "benchmark"),
    ],
)
def test_a_slip_is_put_right_and_said(pile: Library, written: str, meant: str) -> None:
    result = asked(pile, f"{written} of kelp")
    assert result.read_as == (ReadAs(written, meant),)
    assert result.text == f"{meant} of kelp"
    assert result.notes == (f"“{written}” was read as “{meant}”.",)


@pytest.mark.parametrize(
    "question",
    [
        "kelp grows fast in sea",  # known
        "whale songs",  # not held, and no slip
        "zebrafish",  # near nothing
        "klep",  # short
        "BigTom2 and FBLNet",  # names
        '"retreival" of kelp',  # as it is
        "Wie wird die Aufmerksamkeit von Fahrern vorhergesagt?",
    ],
)
def test_what_is_known_or_near_nothing_or_meant_so_stays(pile: Library, question: str) -> None:
    assert asked(pile, question).read_as == ()


def test_the_stem_of_a_word_is_not_the_word(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", embedder=HashingEmbedder()) as library:
        library.add([Paper("p", "Aspiration in surgery", "The aspiration of fluid was measured.")])
        assert asked(library, "aspirin in surgery").read_as == ()
        assert asked(library, "asspiration in surgery").read_as == (ReadAs("asspiration", "aspiration"),)


def test_slips_find_what_was_meant_with_the_real_embedding(seed_library: Library) -> None:
    question = "How is driver atention predicted from driving expereince?"
    result = look(seed_library, question, k=3)
    assert [slip.read_as for slip in result.asked.read_as] == ["attention", "experience"]
    assert result.hits == search(seed_library, "How is driver attention predicted from driving experience?", k=3)


def test_every_title_and_the_beginning_of_each_find_their_paper_first(seed_library: Library) -> None:
    for paper in seed_library.papers():
        words = paper.title.split()
        for question in (paper.title, paper.title.lower(), " ".join(words[: max(4, len(words) // 2)])):
            hits = search(seed_library, question, k=1, reranker=None)
            assert hits[0].paper.title.startswith(" ".join(words[:3])), question


# -- phrases, years, and the rest


def test_a_quoted_phrase_must_be_there_word_for_word(pile: Library) -> None:
    result = found(pile, 'kelp "in sea 5"')
    assert [hit.paper.paper_id for hit in result.hits] == ["k5"]
    assert result.asked.notes == ("Only papers with “in sea 5” word for word were searched.",)
    assert {hit.paper.paper_id for hit in found(pile, "“Kelp grows”", k=30).hits} == {f"k{n}" for n in range(20)}
    assert found(pile, '"plaque"').asked.only is None, "'plaques' is another word"


def test_a_phrase_that_is_nowhere_is_searched_by_its_words_and_that_is_said(pile: Library) -> None:
    result = found(pile, '"sea of kelp" study')
    assert result.hits[0].paper.paper_id.startswith("k")
    assert result.asked.notes == ("No abstract here has “sea of kelp” word for word: its words were searched for.",)


@pytest.mark.parametrize(
    ("question", "years"),
    [
        ("kelp since 2018", {2018, 2019}),
        ("papers on kelp between 2003 and 2004", {2003, 2004}),
        ("papers before 2002 on kelp", {2000, 2001}),
    ],
)
def test_years_in_a_question_hold_the_search_to_them(pile: Library, question: str, years: set[int]) -> None:
    result = found(pile, question, k=30)
    assert {hit.paper.year for hit in result.hits if hit.paper.paper_id.startswith("k")} == years
    assert result.asked.years is not None
    assert result.asked.notes == (f"Only papers {result.asked.years.describe()} were searched, as the question asks.",)
    unread = look(pile, question, k=30, reranker=None, reads_years=False)
    assert len(unread.hits) > len(result.hits) and unread.asked.years is None


def test_years_and_nothing_else_list_the_newest_first(pile: Library) -> None:
    assert [hit.paper.year for hit in found(pile, "papers between 2018 and 2021", k=9).hits] == [2021, 2019, 2019, 2018]


def test_conditions_of_the_caller_and_of_the_question_hold_together(pile: Library) -> None:
    result = look(pile, "kelp since 2010", k=30, reranker=None, only=Filter(to_year=2012))
    assert {hit.paper.year for hit in result.hits} == {2010, 2011, 2012}
    none = look(pile, "kelp since 2015", k=30, reranker=None, only=Filter(to_year=2012))
    assert none.asked.years is None and none.asked.notes[0].startswith("No paper here is known to be from 2015")


def test_another_language_is_searched_by_its_words_and_that_is_said(pile: Library) -> None:
    result = found(pile, "Was ist mit der Optimization von BigToM und wie wird das gemessen?")
    assert result.asked.by_words and result.asked.notes == (NOT_ENGLISH,)
    assert {hit.paper.paper_id for hit in result.hits[:2]} == {"doi:10.1000/xyz.1", "p4"}
    assert all({origin.side for origin in hit.origins} == {"lexical"} for hit in result.hits)
    assert found(pile, "海带生长得多快？").hits == ()


def test_a_long_question_is_trimmed_and_that_is_said(pile: Library) -> None:
    result = asked(pile, "kelp " * 4_000)
    assert len(result.text) <= MAX_QUESTION_CHARACTERS
    assert result.notes == ("The question has 19,999 characters; only the first 4,000 were used.",)


@pytest.mark.parametrize("question", ["the of and", "a", "?!.,;", "*", '"', "AND OR (", "\x00\x1b[", "“”", "papers by"])
def test_what_holds_nothing_to_search_for_finds_nothing_and_says_so(pile: Library, question: str) -> None:
    for result in (found(pile, question), look_by_words(pile, question, k=5)):
        assert result.hits == () and result.asked.notes[-1] == NOTHING_ASKED


def test_a_thousand_questions_from_eight_threads_while_papers_come_in(tmp_path_factory: pytest.TempPathFactory) -> None:
    questions = [
        "kelp grows",
        "kelp 3",
        '"Kelp grows fast"',
        "Title 5",
        "kelp since 2001",
        "kepl grows fst",
        '"',
        "é\ud800",
    ]
    problems: list[str] = []
    with Library.open(tmp_path_factory.mktemp("busy") / "library", embedder=HashingEmbedder()) as library:
        library.add([kelp_paper(n) for n in range(10)])

        def ask_on(number: int) -> None:
            try:
                for n in range(125):
                    question = questions[(n + number) % len(questions)]
                    hits = look(library, question, k=5, reranker=None).hits
                    if question in ("kelp grows", '"Kelp grows fast"') and len(hits) != 5:
                        problems.append(f"{question}: {len(hits)} hits")
            except Exception as error:  # noqa: BLE001 - a thread's error must reach the test
                problems.append(repr(error))

        threads = [threading.Thread(target=ask_on, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for n in range(10, 40, 5):
            library.add([kelp_paper(n + more) for more in range(5)])
        for thread in threads:
            thread.join()
    assert problems == []

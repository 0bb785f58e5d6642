"""Years of papers, read from a question; and no other years."""

from __future__ import annotations

import pytest

from rag.conversation.years import years_in
from rag.filters import Filter


@pytest.mark.parametrize(
    ("question", "asked", "rest"),
    [
        ("papers since 2023 on reward hacking", Filter(from_year=2023), "papers on reward hacking"),
        ("Which papers published after 2020 study kelp?", Filter(from_year=2021), "Which papers published study kelp?"),
        ("studies before 2019 about sleep", Filter(to_year=2018), "studies about sleep"),
        ("List works between 2015 and 2018 on bees", Filter(2015, 2018), "List works on bees"),
        ("papers from 2018 to 2015 on ants", Filter(2015, 2018), "papers on ants"),
        ("papers 2015-2018 on bees", Filter(2015, 2018), "papers on bees"),
        ("articles of 2021 on soil", Filter(2021, 2021), "articles on soil"),
        ("papers from 2021 onwards on soil", Filter(from_year=2021), "papers on soil"),
        ("papers until 2010 on soil", Filter(to_year=2010), "papers on soil"),
        ("only after 2020", Filter(from_year=2021), ""),
        ("and only the ones since 2019?", Filter(from_year=2019), ""),
        ("Since 2023, which papers use LoRA?", Filter(from_year=2023), "which papers use LoRA?"),
    ],
)
def test_years_of_papers_become_a_filter(question: str, asked: Filter, rest: str) -> None:
    assert years_in(question) == (asked, rest)


@pytest.mark.parametrize(
    "question",
    [
        "How did the election of 2020 change turnout?",
        "Which model won ImageNet in 2012?",
        "How many of 2000 patients recovered?",
        "papers on the ISO 2015 standard",
        "What rose by 2019 units?",
        "only 2020 patients",
        "",
    ],
)
def test_other_numbers_do_not(question: str) -> None:
    assert years_in(question) == (None, question)


def test_long_rubbish_is_read_in_no_time() -> None:
    rubbish = "papers since " * 20_000
    assert years_in(rubbish) == (None, rubbish)

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
        ("papers on soil before 2020", Filter(to_year=2019), "papers on soil"),
        ("What papers on bees are there between 2019 and 2021?", Filter(2019, 2021), "What papers on bees are there"),
        ("reward hacking between 2019 and 2021", Filter(2019, 2021), "reward hacking"),
        ("reward hacking, last two years", Filter(from_year=2024), "reward hacking"),
        ("kelp (since 2020)", Filter(from_year=2020), "kelp"),
        ("since 2021: kelp", Filter(from_year=2021), "kelp"),
        ("kelp papers from the last two years", Filter(from_year=2024), "kelp papers"),
        ("papers in the past 5 years about soil", Filter(from_year=2021), "papers about soil"),
        ("Which papers about kelp in the last decade?", Filter(from_year=2016), "Which papers about kelp"),
        ("papers published last year on soil", Filter(2025, 2025), "papers published on soil"),
        ("studies of this year on soil", Filter(2026, 2026), "studies on soil"),
    ],
)
def test_years_of_papers_become_a_filter(question: str, asked: Filter, rest: str) -> None:
    assert years_in(question, this_year=2026) == (asked, rest)


@pytest.mark.parametrize(
    "question",
    [
        "How did the election of 2020 change turnout?",
        "Which model won ImageNet in 2012?",
        "How many of 2000 patients recovered?",
        "papers on the ISO 2015 standard",
        "What rose by 2019 units?",
        "only 2020 patients",
        "Mortality fell between 1990 and 2000.",
        "How has kelp changed in the last two years?",
        "deaths since 1990",
        "Kelp was measured before 2020",
        "",
    ],
)
def test_other_numbers_do_not(question: str) -> None:
    assert years_in(question) == (None, question)


def test_long_rubbish_is_read_in_no_time() -> None:
    rubbish = "papers since " * 20_000
    assert years_in(rubbish) == (None, rubbish)

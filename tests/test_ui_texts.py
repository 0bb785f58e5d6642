"""The page's languages say the same things, and the code asks for no text that there is none of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from string import Formatter

import pytest

from ui.rendering import library
from ui.texts import languages, texts_for, texts_in

UI = Path(__file__).parents[1] / "ui"
KEY = re.compile(r"""\bt\(\s*\(?f?["']([a-z_]+\.[a-z_.{}]+)["']""")

FAMILIES = ("language.", "verdict.", "verdict_why.", "abstained.", "aspect.")
"""Asked for by a value: one text for each value there is."""
BUILT = {f"library.{tab}" for tab in library.TABS}
BUILT |= {f"settings.{theme}" for theme in ("system", "light", "dark")}
BUILT |= {f"add.{state}" for state in ("waiting", "reading", "adding", "done", "cancelled", "failed")}
BUILT |= {f"add.{count}" for count in ("added", "updated", "unchanged", "duplicates", "without_abstract")}


def names_in(value: object) -> set[str]:
    forms = value.values() if isinstance(value, Mapping) else [value]
    return {name for form in forms for _, name, _, _ in Formatter().parse(str(form)) if name is not None}


@pytest.mark.parametrize("language", [code for code in languages() if code != "en"])
def test_a_language_has_every_text_with_the_same_names_in_it(language: str) -> None:
    english, other = texts_in("en").keys(), texts_in(language).keys()
    assert set(other) == set(english)
    for key in english:
        assert names_in(other[key]) == names_in(english[key]), key
        assert isinstance(other[key], Mapping) == isinstance(english[key], Mapping), key


def test_every_text_that_the_code_names_is_there_and_every_text_is_named() -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in UI.rglob("*.py"))
    keys = texts_in("en").keys()
    wanted = {key for key in KEY.findall(code) if "{" not in key}
    assert wanted <= set(keys), wanted - set(keys)
    literals = set(re.findall(r"""["']([a-z_]+\.[a-z_]+)["']""", code))
    unused = {key for key in keys if key not in literals | BUILT and not key.startswith(FAMILIES)}
    assert unused == set()


def test_numbers_decide_the_form_and_are_written_as_the_language_writes_them() -> None:
    english, german = texts_in("en"), texts_in("de")
    assert english("top.library_of", n=1) == "1 abstract"
    assert english("top.library_of", n=12_345) == "12,345 abstracts"
    assert german("top.library_of", n=12_345) == "12.345 Abstracts"
    assert german.decimal(1.25, 1) == "1,2"


def test_the_language_that_a_browser_asks_for_is_found() -> None:
    assert texts_for("de-CH,de;q=0.9,en;q=0.8").language == "de"
    assert texts_for("fr,tlh;q=0.5").language == "en"
    assert texts_for("").language == "en"
    assert texts_for("../../etc/passwd").language == "en"
    assert texts_for("x" * 100_000).language == "en"


def test_a_name_from_outside_does_not_turn_the_sentence_around_it() -> None:
    said = texts_in("en")("list.deleted", title="\u202eabc {n}")
    assert said == "Deleted: \u2068\u202eabc {n}\u2069"


def test_a_text_that_is_not_there_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        texts_in("en")("no.such")
    with pytest.raises(KeyError):
        texts_in("en")("list.deleted")

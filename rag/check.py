"""The check: does the cited text bear the claim?

A claim is compared with what it cites, never with the fact that it cites. This module is
the one place through which every claim of every answer passes.

What is looked at here, in order: the cited source exists; the claim is its quote, letter
for letter; the numbers of the claim, and its names with digits in them ('GPT-4'), stand in
what it cites. Whatever passes all that and is not a quote stays ``unchecked``, with the
reason said: nothing is called supported that was only found not to be wrong.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

from rag.types import Claim, Paper

# Digits that belong to a word are part of a name: GPT-4, N2N, CIFAR-10, ResNet50.
_TOKEN = re.compile(r"[^\W_](?:[\w.,'’+/^−–-]*[^\W_])?[%‰]?")
_NUMBER = re.compile(r"[-−]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[-−]?\d+(?:\.\d+)?")
_RANGE = re.compile(r"^(\d[\d.,]*)[-–−](\d[\d.,]*)([%‰]?)$")
_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_WORD_NUMBERS = {word: str(value) for value, word in enumerate(f"zero|{_ONES}|{_TEENS}".split("|"))}
_WORD_NUMBERS |= {word: str(10 * value) for value, word in enumerate(_TENS.split("|"), 2)}
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SUFFIXES = {"k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9, "b": 10**9, "bn": 10**9, "T": 10**12}
_WORD_NUMBERS |= {word: str(scale) for word, scale in _SCALES.items()}
# Said by a source, these give a number; said by a claim, they ask for none ('double descent').
_IMPLIED = {
    "twice": "2",
    "double": "2",
    "doubles": "2",
    "doubled": "2",
    "doubling": "2",
    "half": "50%",
    "halved": "50%",
}

_COMPOUND = re.compile(rf"\b({_TENS})[- ]({_ONES})\b", re.IGNORECASE)
_SCALED = re.compile(
    rf"\b(?:(\d+(?:,\d{{3}})*(?:\.\d+)?)|({'|'.join(_WORD_NUMBERS)}))[- ]({'|'.join(_SCALES)})\b", re.IGNORECASE
)
_SUFFIXED = re.compile(r"(?<![\w.,-])(\d+(?:,\d{3})*(?:\.\d+)?)(k|K|M|B|b|bn|T)\b")
_POWER = re.compile(r"(?<![\w.,])(?:(\d+(?:\.\d+)?)\s*(?:×|\\times|\*|·|\\cdot)\s*)?10\^\{?([-−]?\d{1,3})\}?(?!\w)")
_EXPONENT = re.compile(r"(?<![\w.,])(\d+(?:\.\d+)?)[eE]([-−+]?\d{1,3})(?!\w)")
_SUPERSCRIPT = re.compile("(?<=[\\w)])[⁻⁰¹²³⁴-⁹]+")
_TO_PER_CENT = re.compile(r"(\d[\d.,]*)( ?(?:to|-|–) ?|(?<=\d) and )(\d[\d.,]*%)")
# 'one' is a pronoun far more often than a count, so it is never demanded of a source.
_NOT_DEMANDED = {"one"}


def check(claim: Claim, papers: Mapping[str, Paper]) -> Claim:
    """The claim with its verdict and the reasons in words; text and citations are kept.

    ``papers`` holds every paper that the claim's citations name, by id.
    """
    bad = [c for c in claim.citations if not c.exists]
    cited = [c for c in claim.citations if c.paper_id is not None and c.span is not None]
    if not claim.citations:
        return dataclasses.replace(claim, verdict="uncited", reasons=("the sentence cites nothing",))
    reasons = tuple(f"there is no source {c.number}" for c in bad)
    if not cited:
        return dataclasses.replace(claim, verdict="unsupported", reasons=reasons)

    for citation in cited:
        assert citation.span is not None and citation.paper_id is not None
        if citation.span.of(papers[citation.paper_id].abstract) != citation.quote:
            reason = f"the quote is not what the abstract of [{citation.number}] says there"
            return dataclasses.replace(claim, verdict="unsupported", reasons=(*reasons, reason))
    if any(_is_quoted(claim.text, c.quote) for c in cited):
        return dataclasses.replace(
            claim, verdict="partial" if bad else "supported", reasons=(*reasons, "quoted letter for letter")
        )

    cited_papers = {c.paper_id: papers[c.paper_id] for c in cited if c.paper_id is not None}
    missing = missing_figures(claim.text, (f"{p.title}\n{p.abstract}" for p in cited_papers.values()))
    if missing:
        names = ", ".join(f"'{figure}'" for figure in missing)
        return dataclasses.replace(
            claim, verdict="unsupported", reasons=(*reasons, f"{names} does not stand in what is cited")
        )
    if bad:
        return dataclasses.replace(claim, verdict="partial", reasons=reasons)
    return dataclasses.replace(
        claim,
        verdict="unchecked",
        reasons=("the source exists and the numbers agree; whether it says so was not judged",),
    )


def missing_figures(claim: str, texts: Iterable[str]) -> tuple[str, ...]:
    """The numbers and the names with digits of ``claim``, as written, that no text has.

    1,000 equals 1000, 0.50 equals 0.5, 'two' equals 2, '1.5B' equals '1.5 billion', '10^5'
    equals 1e5, '3-5' asks for 3 and for 5, and a per cent sign belongs to its number: '5%'
    (or '5 percent') is not found in '5 layers'. A sign before a number is not looked at:
    'fell by 3' and '-3' say the same.
    """
    available = [_figures(text, is_source=True) for text in texts]
    found_numbers = {number for numbers, _ in available for number in numbers.values()}
    found_bare = {number.rstrip("%‰") for number in found_numbers}
    found_names = {name for _, names in available for name in names}
    numbers, names = _figures(claim)
    missing = [
        written
        for written, number in numbers.items()
        if written.casefold() not in _NOT_DEMANDED
        and number not in found_numbers
        and (number.endswith(("%", "‰")) or number not in found_bare)
    ]
    missing += [written for name, written in names.items() if name not in found_names]
    return tuple(dict.fromkeys(missing))


def _figures(text: str, *, is_source: bool = False) -> tuple[dict[str, str], dict[str, str]]:
    """``(as written -> value)`` of the numbers and ``(key -> as written)`` of the names with digits.

    Of a source all is taken that it can be understood to say.
    """
    numbers, names = _figures_of(_in_digits(text))
    if is_source:
        # Also as written: 'a 7B model' has a 7.
        plain_numbers, plain_names = _figures_of(unicodedata.normalize("NFKC", text))
        numbers = {f"plain {written}": value for written, value in plain_numbers.items()} | numbers
        numbers |= {word: _IMPLIED[word] for word in re.findall(r"[a-z]+", text.casefold()) if word in _IMPLIED}
        names = plain_names | names
    return numbers, names


def _in_digits(text: str) -> str:
    """``text`` with powers, scales and compound number words written as plain numbers."""
    text = _SUPERSCRIPT.sub(lambda found: "^" + unicodedata.normalize("NFKC", found[0]), text)
    text = unicodedata.normalize("NFKC", text).replace("−", "-")
    text = _COMPOUND.sub(lambda f: str(int(_word(f[1])) + int(_word(f[2]))), text)
    text = _SCALED.sub(lambda f: _times(f[1] or _word(f[2]), _SCALES[f[3].casefold()]), text)
    text = _SUFFIXED.sub(lambda f: _times(f[1], _SUFFIXES[f[2]]), text)
    text = _POWER.sub(lambda f: _times(f[1] or "1", Decimal(10) ** int(f[2])), text)
    return _EXPONENT.sub(lambda f: _times(f[1], Decimal(10) ** int(f[2])), text)


def _word(word: str) -> str:
    return _WORD_NUMBERS[word.casefold()]


def _times(number: str, factor: int | Decimal) -> str:
    return f"{(Decimal(number.replace(',', '')) * factor).normalize():f}"


def _figures_of(text: str) -> tuple[dict[str, str], dict[str, str]]:
    text = text.replace("−", "-")
    text = re.sub(r"(?<=\d)\s*(?:\\%|per\s?cent\b|percent\b)", "%", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<=\d)\s+%", "%", text)
    text = re.sub(r"(?<![\w.])\.(?=\d)", "0.", text)
    text = _TO_PER_CENT.sub(r"\1% \3", text)
    text = re.sub(r"\^\{([^{}]*)\}", r"^\1", text)
    numbers: dict[str, str] = {}
    names: dict[str, str] = {}
    for token in _TOKEN.findall(text):
        token = token.strip(".,'’/^-")
        word = token.casefold()
        if word in _WORD_NUMBERS:
            numbers[token] = _WORD_NUMBERS[word]
            continue
        if not any(ch.isdigit() for ch in token):
            for part in re.split(r"[-–]", word.removesuffix("fold")):
                if part in _WORD_NUMBERS:
                    numbers[part] = _WORD_NUMBERS[part]
            continue
        spread = _RANGE.match(token)
        if spread:
            for part in spread.group(1, 2):
                _add_number(numbers, part + spread.group(3))
        elif re.fullmatch(r"[-+]?[\d.,]+[%‰]?", token):
            _add_number(numbers, token)
        elif re.fullmatch(r"[\d.,]+[%‰]?(?:x|×|k|m|b|bn|fold|-fold|d|-?[a-z]+(?:-[a-z]+)*|s|th|st|nd|rd)", word):
            # '3x', '10-fold', '2D', '512-dimensional', '1990s': the number is what can be wrong
            match = _NUMBER.match(token)
            if match:
                _add_number(numbers, match.group())
        else:
            names[re.sub(r"[\W_]", "", word)] = token
    return numbers, names


def _add_number(numbers: dict[str, str], token: str) -> None:
    sign = token[-1] if token[-1:] in "%‰" else ""
    bare = token.rstrip("%‰").replace(",", "").lstrip("+")
    try:
        value = Decimal(bare).normalize()
    except InvalidOperation:  # '1.2.3': a version, compared as written
        numbers[token] = bare + sign
        return
    numbers[token] = f"{value:f}" + sign


def _is_quoted(claim: str, quote: str) -> bool:
    """True if the claim is a run of the quote, spacing and quotation marks around it aside."""
    bare = " ".join(claim.split()).strip("\"'“”‘’ ")
    return len(bare) >= 20 and bare.rstrip(".") in " ".join(quote.split())

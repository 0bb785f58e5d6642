"""Every quantity of a text, however it is written: 1,000; 10^3; 5 %; p < 0.05; two-fold; twice; 3-5; 2019."""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from typing import Literal

from rag.judge.words import word_list

Kind = Literal["plain", "percent", "fold", "p", "month"]

_ONES = dict(
    zip(
        word_list(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen"
        ),
        range(20),
        strict=True,
    )
)
_TENS = dict(zip(word_list("twenty thirty forty fifty sixty seventy eighty ninety"), range(20, 100, 10), strict=True))
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_SCALE_LETTERS = {"k": 1e3, "m": 1e6, "b": 1e9, "bn": 1e9, "t": 1e12}
_ORDINALS = {"third": 3.0, "quarter": 4.0, "fifth": 5.0, "tenth": 10.0}
_MONTHS = word_list("january february march april may june july august september october november december")

# Factor to the base unit of each dimension. Two known units of different dimensions never agree.
_UNITS: dict[str, tuple[str, float]] = {}
_TABLES: dict[str, dict[str, float]] = {
    "time": {
        "ns": 1e-9,
        "µs": 1e-6,
        "μs": 1e-6,
        "ms": 1e-3,
        "millisecond": 1e-3,
        "s": 1,
        "sec": 1,
        "second": 1,
        "min": 60,
        "minute": 60,
        "h": 3600,
        "hour": 3600,
        "day": 86400,
        "week": 604800,
        "month": 2629800,
        "year": 31557600,
        "decade": 315576000,
    },
    "length": {
        "nm": 1e-9,
        "µm": 1e-6,
        "μm": 1e-6,
        "mm": 1e-3,
        "cm": 1e-2,
        "m": 1,
        "meter": 1,
        "metre": 1,
        "km": 1e3,
        "kilometer": 1e3,
        "kilometre": 1e3,
        "mile": 1609.344,
        "inch": 0.0254,
    },
    "mass": {
        "µg": 1e-9,
        "μg": 1e-9,
        "mg": 1e-6,
        "g": 1e-3,
        "gram": 1e-3,
        "kg": 1,
        "kilogram": 1,
        "ton": 1e3,
        "tonne": 1e3,
    },
    "bytes": {"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "pb": 1e15},
    "frequency": {"hz": 1, "khz": 1e3, "mhz": 1e6, "ghz": 1e9, "thz": 1e12},
    "energy": {"ev": 1, "mev": 1e6, "kev": 1e3, "gev": 1e9, "tev": 1e12},
    "power": {"mw": 1e-3, "w": 1, "watt": 1, "kw": 1e3},
    "level": {"db": 1},
    "distance": {"pc": 1, "kpc": 1e3, "mpc": 1e6, "parsec": 1},
}
for _dimension, _table in _TABLES.items():
    for _name, _factor in _table.items():
        _UNITS[_name] = (_dimension, float(_factor))

_NUMERAL = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_WORD = rf"(?:{'|'.join([*_ONES, *_TENS, *_SCALES, 'dozen', 'dozens'])})"
SPELLED = rf"{_WORD}(?:(?:[- ]| and ){_WORD})*"
"""Pattern of a number in words."""

_DIGITS = re.compile(
    rf"(?<![\w.])(?<![^\W\d_]-)(?P<number>{_NUMERAL})(?P<tail>"
    r"\^-?\d+|\s?[×x*·]\s?10\s?\^\s?-?\d+|\s?[×x*]\s?10-\d+|[eE][-+]?\d+(?!\w))?"
    r"(?:(?P<letter>k|K|M|B|bn|T)(?![\w])|[- ](?P<scale>hundred|thousand|million|billion|trillion)s?\b)?"
    r"(?P<kind>\s?%|-?\s?folds?\b|(?:\s|-)?times\b(?! "
    r"(?:a|per)\b)|[x×](?!\s?\d)(?![\w])|\s[x×](?!\s?[\w.])|(?:st|nd|rd|th)\b|s\b)?"
    r"(?:[- ]?(?P<unit>[a-zA-Zµμ]+))?",
    re.IGNORECASE,
)
_WORDS = re.compile(
    rf"(?<![\w-])(?P<words>{SPELLED})(?P<kind>\s?%|-?\s?folds?|\s(?:percent|per cent)|(?:\s|-)times(?! (?:a|per)\b))?"
    r"(?!\w)(?:[- ](?P<unit>[a-zA-Zµμ]+))?",
    re.IGNORECASE,
)
_FRACTION = re.compile(
    r"(?<![\w-])(?:(?P<top>one|two|three|four|a|\d+)[- "
    r"](?P<bottom>(?:third|quarter|fifth|tenth)(?:s|(?! [a-z])|(?= (?:of|as|the|in|by|to|more|less|fewer|were|was|had"
    r"|have|are|is|or|and|during|when|after|before|across|on|at|for|with"
    r"|under|over)\b)))"  # 'a third cousin' is no fraction
    r"|(?P<half>half))\b(?!-life)",
    re.IGNORECASE,
)
_OF_WHAT = r" (?:the|that|those|its|their|our|as|in|of|by)\b"
_FACTOR_WORDS = (
    # 'double descent' and 'triple bond' are names, and demand no number of a source.
    (re.compile(rf"\b(?:twice|doubl(?:e[ds]|ing|e(?={_OF_WHAT}))|twofold)\b", re.IGNORECASE), 2.0),
    (re.compile(rf"\b(?:thrice|tripl(?:e[ds]|ing|e(?={_OF_WHAT}))|threefold)\b", re.IGNORECASE), 3.0),
    (re.compile(r"\b(?:quadrupl(?:e[ds]?|ing)|fourfold)\b", re.IGNORECASE), 4.0),
    (re.compile(r"\b(?:fivefold|quintupl(?:e[ds]?|ing))\b", re.IGNORECASE), 5.0),
    (re.compile(r"\b(?:sixfold)\b", re.IGNORECASE), 6.0),
    (re.compile(r"\b(?:tenfold)\b", re.IGNORECASE), 10.0),
    (re.compile(r"\bhalv(?:e[ds]?|ing)\b", re.IGNORECASE), 0.5),
    (re.compile(r"\b(?:an|one) order of magnitude\b", re.IGNORECASE), 10.0),
)
_RANGE = re.compile(
    rf"(?<![\w.-])(?P<low>{_NUMERAL})(?P<lowkind>\s?%)?\s?(?:-+|to|and)\s?(?P<high>{_NUMERAL})(?P<kind>\s?%)?(?![\w.]*\d)(?!-\d)",
    re.IGNORECASE,
)
_P_VALUE = re.compile(
    rf"\b[Pp](?:[- ]?values?)?\s?(?:of\s|was\s|is\s)?(?P<op>[<>=≤≥]|less "
    rf"than)\s?(?P<value>{_NUMERAL})(?:\s?[×x]\s?10\^?(?P<exp>-\d+))?"
)
_MONTH = re.compile(
    rf"\b(?P<month>{'|'.join(_MONTHS)}|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?(?=,? \d)"
    rf"|(?<=\d )(?P<after>{'|'.join(_MONTHS)})\b"
    rf"|\b(?P<alone>{'|'.join(m for m in _MONTHS if m not in ('may', 'march', 'august'))})\b",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(?:\b(?:about|approximately|approx\.?|around|roughly|nearly|almost|circa|close to|some|over|more than|under"
    r"|less than|up to|at least|just over|just under|an estimated|as (?:many|much) as|an average of)|[~≈>≥<≤])\s*$",
    re.IGNORECASE,
)
_AT_LEAST = re.compile(
    r"(?:\b(?:more than|greater than|over|above|at least|exceed(?:s|ing|ed)?|no (?:less|fewer) than|not "
    r"(?:less|fewer) than"
    r"|larger than|higher than|upwards of|beyond)|[>≥])\s*$",
    re.IGNORECASE,
)
_AT_MOST = re.compile(
    r"(?:\b(?:less than|fewer than|under|below|at most|up to|no more than|not more than|smaller than|lower than"
    r"|within|as few as)|[<≤])\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number with what it counts in; ``value`` of 5 % is 5.0, of 'half' 0.5."""

    value: float
    kind: Kind
    written: str
    start: int
    unit: str | None = None
    """A key of the table of units, singular; None for counted things."""
    about: bool = False
    """True after 'about', 'nearly', 'over' and the like."""
    bound: Literal["", "<", ">"] = ""
    """What a comparison before it says: '>' after 'at least', 'more than', 'no fewer than'."""
    n_digits: int = 0
    """Digits after the decimal point, as written."""
    pronoun: bool = False
    """True for a bare 'one', which is hardly ever a count."""


@functools.lru_cache(maxsize=4096)
def quantities(text: str) -> tuple[Quantity, ...]:
    """The quantities of a cleaned text (``rag.judge.reading.cleaned``) in order.

    Numbers that belong to a name ('GPT-4', 'p53', 'CIFAR-10') are none.
    """
    found: list[Quantity] = []
    taken = bytearray(len(text) + 1)

    def free(start: int, end: int) -> bool:
        return not any(taken[start:end])

    def take(match: re.Match[str], quantity: Quantity, end: int | None = None) -> None:
        stop = end if end is not None else match.end()
        for at in range(match.start(), stop):
            taken[at] = 1
        found.append(quantity)

    for match in _P_VALUE.finditer(text):
        value = _number(match["value"]) * 10.0 ** int(match["exp"] or 0)
        operator: Literal["", "<", ">"] = (
            "<" if match["op"] in ("<", "≤", "less than") else ">" if match["op"] in (">", "≥") else ""
        )
        take(match, Quantity(value, "p", match[0].strip(), match.start(), bound=operator))
    for match in _MONTH.finditer(text):
        name = (match["month"] or match["after"] or match["alone"]).lower()
        index = next(i for i, month in enumerate(_MONTHS) if month.startswith(name[:3]))
        take(match, Quantity(float(index + 1), "month", match[0], match.start()))
    for pattern, factor in _FACTOR_WORDS:
        for match in pattern.finditer(text):
            if free(*match.span()):
                about = _ABOUT.search(text[max(0, match.start() - 20) : match.start()]) is not None
                take(match, Quantity(factor, "fold", match[0], match.start(), about=about))
    for match in _FRACTION.finditer(text):
        if free(*match.span()):
            top = 1.0 if match["half"] or match["top"].lower() == "a" else spelled(match["top"])
            bottom = 2.0 if match["half"] else _ORDINALS[match["bottom"].lower().rstrip("s")]
            about, bound = _bounds(text[max(0, match.start() - 25) : match.start()])
            take(match, Quantity(top / bottom, "plain", match[0], match.start(), None, about, bound, n_digits=2))
    for match in _RANGE.finditer(text):
        if not free(*match.span()) or (
            re.search("and", match[0])
            and not re.search(r"between\s*$", text[max(0, match.start() - 9) : match.start()])
        ):
            continue
        low, high = _number(match["low"]), _number(match["high"])
        if 1800 <= low <= 2100 and len(match["high"]) == 2 and high > low % 100:
            high += low - low % 100  # '2018-19'
        if re.match(r"-+\d", match[0][len(match["low"]) :].strip()) and low > high and not match["kind"]:
            continue  # "10-5" is more likely an exponent or a score than a range
        percent: Kind = "percent" if match["kind"] or match["lowkind"] else "plain"
        unit = _unit(text, match.end())
        for side, value in (("low", low), ("high", high)):
            take(
                match,
                Quantity(
                    value,
                    percent,
                    match[0].strip(),
                    match.start(side),
                    unit,
                    n_digits=_decimals(match[side]),
                ),
            )
    for match in _DIGITS.finditer(text):
        if not free(match.start("number"), match.end("number")):
            continue
        value = _number(match["number"])
        tail = match["tail"] or ""
        if tail.startswith("^"):
            value = _power(value, tail[1:])
        elif tail[:1] in "eE" and tail:
            value = _power(10.0, tail[1:]) * value
        elif tail:
            value *= _power(10.0, re.search(r"-?\d+$", tail.replace("^", " "))[0])  # type: ignore[index]
        value *= _SCALE_LETTERS.get((match["letter"] or "").lower(), 1.0) * _SCALES.get(
            (match["scale"] or "").lower(), 1.0
        )
        after = match.end("kind") if match["kind"] else max(match.end(g) for g in ("number", "tail", "letter", "scale"))
        kind = _kind(match["kind"])
        if (
            match["kind"] is None
            and match["letter"] is None
            and re.match(r"[^\W\d_]", text[after : after + 1])
            and not _unit(text, after)
        ):
            continue  # '3D', '2b': part of a name
        before = text[max(0, match.start() - 25) : match.start()]
        if len(match["number"]) == 4 and not tail and 1000 <= value <= 2100:  # a year
            before = re.sub(r"\b(?:after|since)\s*$", "over ", re.sub(r"\b(?:before|until)\s*$", "under ", before))
        if re.match(r"\+(?!\s?[\w/])|\+ [a-z]", text[after : after + 3]):  # '10+ domains'
            before += ">"
        take(
            match,
            Quantity(
                value,
                kind,
                text[match.start() : after].strip(),
                match.start(),
                _unit(text, after),
                *_bounds(before),
                _decimals(match["number"]),
            ),
            after,
        )
    for match in _WORDS.finditer(text):
        if not free(match.start("words"), match.end("words")):
            continue
        written = match["words"]
        end = match.end("kind") if match["kind"] else match.end("words")
        pronoun = written.lower() == "one" and not match["kind"]
        before = text[max(0, match.start() - 25) : match.start()]
        take(
            match,
            Quantity(
                spelled(written),
                _kind(match["kind"]),
                text[match.start() : end].strip(),
                match.start(),
                _unit(text, end),
                *_bounds(before),
                0,
                pronoun,
            ),
            end,
        )
    found.sort(key=lambda quantity: quantity.start)
    return tuple(quantity for quantity in found if math.isfinite(quantity.value))


def _bounds(before: str) -> tuple[bool, Literal["", "<", ">"]]:
    # 'no fewer than' also ends in 'fewer than', so what is at least goes first.
    bound: Literal["", "<", ">"] = (
        ">"
        if _AT_LEAST.search(before) and not re.search(r"\b(?:no|not) (?:more|greater|larger|higher) than\s*$", before)
        else "<"
        if _AT_MOST.search(before)
        else ""
    )
    return _ABOUT.search(before) is not None, bound


def _kind(written: str | None) -> Kind:
    kind = (written or "").strip().lower().lstrip("-")
    if kind in ("%", "percent", "per cent"):
        return "percent"
    return "fold" if kind in ("fold", "folds", "times", "x", "×") else "plain"


def _number(written: str) -> float:
    return float(written.replace(",", ""))


def _power(base: float, exponent: str) -> float:
    try:
        return float(base ** int(exponent)) if len(exponent) < 4 else math.inf
    except (OverflowError, ZeroDivisionError):
        return math.inf


def _decimals(written: str) -> int:
    return len(written.partition(".")[2])


def _unit(text: str, at: int) -> str | None:
    match = re.compile(r"[- ]?([a-zA-Zµμ]+)").match(text, at)
    if not match:
        return None
    for name in (match[1].lower(), match[1].lower().removesuffix("s")):
        if name in _UNITS and (len(name) > 1 or match[0][0] != "-"):
            return name
    return None


def spelled(written: str) -> float:
    """'two hundred and five' is 205; 'dozens' is 12; digits are read as they are."""
    if written[0].isdigit():
        return _number(written)
    total = current = 0.0
    for word in re.split(r"[- ]", written.lower()):
        if word in _ONES:
            current += _ONES[word]
        elif word in _TENS:
            current += _TENS[word]
        elif word.startswith("dozen"):
            current = (current or 1.0) * 12
        elif word == "hundred":
            current = (current or 1.0) * 100
        elif word in _SCALES:
            total += (current or 1.0) * _SCALES[word]
            current = 0.0
    return total + current


def agree(claimed: Quantity, given: Quantity) -> bool:
    """Whether a source that gives ``given`` says ``claimed``."""
    if "month" in (claimed.kind, given.kind):
        return claimed.kind == given.kind and claimed.value == given.value
    if claimed.kind == "p" and given.kind == "p":
        if claimed.bound == given.bound:
            return claimed.value == given.value
        return claimed.bound == "<" and given.bound == "" and given.value <= claimed.value
    mine, theirs = claimed.value, given.value
    kinds = (claimed.kind, given.kind)
    if kinds in (("percent", "plain"), ("plain", "percent")):
        if given.unit or claimed.unit:
            return False
        share, whole = (theirs, mine) if claimed.kind == "percent" else (mine, theirs)
        if claimed.kind == "percent" and given.n_digits >= 2 and 0.1 < theirs < 3:
            odds = abs(theirs - 1) * 100  # 'nine percent higher odds' for an odds ratio of 1.09
            if math.isclose(odds, mine, rel_tol=1e-6):
                return True
        if not 0 < share <= 1:
            return False
        if claimed.bound and not given.bound:
            mine, theirs = (whole, share * 100) if claimed.kind == "percent" else (share * 100, whole)
            return theirs >= mine if claimed.bound == ">" else theirs <= mine  # 'more than a third' for 36 %
        return _equal(share * 100, whole, claimed, given)
    if kinds == ("fold", "percent"):
        return _equal((mine - 1) * 100, theirs, claimed, given)
    if kinds == ("percent", "fold"):
        return _equal(mine, (theirs - 1) * 100, claimed, given)
    if claimed.unit and given.unit:
        (dimension, factor), (other, other_factor) = _UNITS[claimed.unit], _UNITS[given.unit]
        if dimension != other:
            return False
        mine, theirs = mine * factor, theirs * other_factor
        if factor != other_factor:
            return math.isclose(mine, theirs, rel_tol=0.02)
    if (claimed.bound == ">" and mine <= theirs <= 1.5 * mine) or (
        claimed.bound == "<" and mine / 1.5 <= theirs <= mine
    ):
        return given.bound in ("", claimed.bound) or mine != theirs  # 'more than 50' for 53
    if claimed.written.endswith(("th", "st", "nd", "rd")) and 100 * (mine - 1) < theirs <= 100 * mine and theirs > 999:
        return True  # 'in the 15th century' for 1443
    if claimed.written.endswith("0s") and mine <= theirs < mine + 10:
        return True  # 'in the 1990s' for 1994
    return _equal(mine, theirs, claimed, given)


def _equal(mine: float, theirs: float, claimed: Quantity, given: Quantity) -> bool:
    if math.isclose(mine, theirs, rel_tol=1e-9, abs_tol=1e-12):
        return True
    if claimed.about:
        return math.isclose(mine, theirs, rel_tol=0.05)
    # Rounded: 51 % for 50.8 %, but not 1 for 1.4.
    return given.n_digits > claimed.n_digits and abs(mine) >= 10 and round(theirs, claimed.n_digits) == mine

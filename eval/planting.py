"""True sentences made false in one place, and true ones said otherwise.

The words that are swapped here are this module's own, not the lists that the rules look
for: a defect that the rules have no word for counts as missed. Everything is decided by
the random numbers that are handed in.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

DEFECT_KINDS = ("number", "negation", "direction", "name", "quantifier", "wrong_paper", "joined", "generalised")
TRUE_KINDS = ("quote", "trimmed", "joined_true", "split", "reordered", "voice", "reworded")


@dataclass(frozen=True, slots=True)
class Defect:
    """A sentence that was true and is not any more."""

    kind: str
    claim: str
    what: str
    """What was changed, in words."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the planters may draw on beside the sentence itself."""

    paper_sentences: tuple[str, ...] = ()
    """All sentences of the sentence's own paper, in order."""
    other_sentences: tuple[str, ...] = ()
    """Sentences of other papers, best of neighbouring ones on the same topic."""
    names: tuple[str, ...] = ()
    """Names, acronyms and data sets from other papers."""
    title: str = ""


# -- planting -----------------------------------------------------------------------------------

_OPPOSITES = """
increases|decreases increase|decrease increased|decreased increasing|decreasing improves|worsens improve|worsen
improved|worsened improving|worsening outperforms|underperforms outperform|underperform outperforming|underperforming
higher|lower high|low larger|smaller large|small more|less faster|slower better|worse best|worst before|after
earlier|later above|below positive|negative strong|weak stronger|weaker reduces|raises reduce|raise reduced|raised
reducing|raising enhances|impairs enhance|impair enhanced|impaired enhancing|impairing accelerates|slows
accelerate|slow accelerated|slowed maximizes|minimizes maximize|minimize maximal|minimal maximum|minimum
promotes|inhibits promote|inhibit activates|blocks easy|difficult easier|harder simple|complicated
cheap|expensive superior|inferior strengthens|weakens succeeds|fails efficient|inefficient grows|shrinks grow|shrink
rises|falls rise|fall upper|lower wider|narrower deep|shallow exceeds|undercuts long|short longer|shorter
prevents|causes prevent|cause enables|prevents enable|prevent with|without dense|sparse similar|different
greater|smaller frequent|rare robust|fragile stable|unstable surpasses|trails surpass|trail
"""
_SWAP: dict[str, str] = {}
for _pair in _OPPOSITES.split():
    _one, _other = _pair.split("|")
    _SWAP.setdefault(_one, _other)
    _SWAP.setdefault(_other, _one)

_AUXILIARY = re.compile(
    r"\b(is|are|was|were|can|could|may|might|will|would|should|does|do|did|has|have|had)\b(?! not| no\b|n't)"
)
_FINITE = {
    "shows": "show", "improves": "improve", "achieves": "achieve", "requires": "require", "provides": "provide",
    "allows": "allow", "enables": "enable", "outperforms": "outperform", "increases": "increase", "reduces": "reduce",
    "leads": "lead", "depends": "depend", "contains": "contain", "uses": "use", "supports": "support",
    "demonstrates": "demonstrate", "yields": "yield", "generalizes": "generalize", "captures": "capture",
    "produces": "produce", "exhibits": "exhibit", "preserves": "preserve", "suffers": "suffer", "offers": "offer",
    "holds": "hold", "satisfies": "satisfy", "implies": "imply", "gives": "give", "exists": "exist",
    "converges": "converge",
}  # fmt: skip
_FIRST_PERSON = re.compile(
    r"\b[Ww]e (?:also |then |further |first "
    r")?(show|find|prove|observe|demonstrate|propose|consider|use|obtain|present|study|introduce|"
    r"derive|develop|investigate|construct|provide|discuss|describe|analyze|apply|compute)\b"
)
_NUMBER = re.compile(r"(?<![\w.^_{$\\-])(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(?![\w^_}]|\.\d|-\d)")
_NUMBER_WORDS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_NUMBER_WORD = re.compile(rf"\b({'|'.join(_NUMBER_WORDS)})\b")
_NAME = re.compile(r"(?<![\w$\\{-])(?:[A-Z][A-Za-z]*[A-Z0-9][\w]*(?:-\d+)?|[A-Z]{2,}\d*(?:-\d+)?)(?![\w}-])")

_QUANTIFIERS = {
    "some": "all", "several": "all", "many": "all", "most": "all", "all": "some", "every": "hardly any",
    "each": "only some", "often": "always", "usually": "always", "sometimes": "always", "generally": "never",
    "typically": "never", "always": "rarely", "may": "will always", "might": "will certainly", "can": "will always",
    "few": "most", "majority": "minority", "mostly": "entirely", "partially": "completely", "any": "almost no",
    "both": "neither of the", "at least": "at most", "at most": "at least", "only": "not only", "first": "last",
}  # fmt: skip
_QUANTIFIER = re.compile(rf"\b({'|'.join(sorted(_QUANTIFIERS, key=len, reverse=True))})\b")

_SCOPE = re.compile(
    r"\b(?:on|for|in|under|across|over) (?:the |a |an |some |several |two |three |four |five |these "
    r"|certain |various )?"
    r"((?:[\w-]+ "
    r"){0,3}(?:datasets?|benchmarks?|tasks?|settings?|cases?|conditions|models?|languages?|domains?|systems?|"
    r"patients|mice|graphs?|networks?|samples?|experiments?|regimes?|dimensions?|problems?))\b"
)
_WIDER = {
    "dataset": "on every dataset that exists", "benchmark": "on all known benchmarks", "task": "on all tasks",
    "setting": "in every setting", "case": "in all cases without exception", "condition": "under all conditions",
    "model": "for every model", "language": "for all languages", "domain": "in every domain",
    "system": "for all systems", "patient": "in all people", "mice": "in all animals", "graph": "for all graphs",
    "network": "for all networks", "sample": "for any sample", "experiment": "in every experiment",
    "regime": "in every regime", "dimension": "in all dimensions", "problem": "for all problems",
}  # fmt: skip


def plant(sentence: str, rng: random.Random, context: Context) -> list[Defect]:
    """One defect of each kind that this sentence offers a place for, in the order of DEFECT_KINDS."""
    defects = [planter(sentence, rng, context) for planter in _PLANTERS]
    plain = " ".join(sentence.split())
    return [defect for defect in defects if defect is not None and " ".join(defect.claim.split()) != plain]


def _number(sentence: str, rng: random.Random, context: Context) -> Defect | None:
    places = [(m, False) for m in _NUMBER.finditer(sentence)] + [(m, True) for m in _NUMBER_WORD.finditer(sentence)]
    if not places:
        return None
    match, spelled = rng.choice(places)
    others = [word for word in _NUMBER_WORDS if word != match[1]]
    new = rng.choice(others) if spelled else _other_number(match[0], rng)
    return _replaced("number", sentence, match, new)


def _other_number(written: str, rng: random.Random) -> str:
    """Another number of the same look: as many decimals, commas kept, years near."""
    commas, (whole, _, decimals) = "," in written, written.replace(",", "").partition(".")
    value = float(f"{whole}.{decimals or 0}")
    while True:
        if len(whole) == 4 and not decimals and 1800 <= value <= 2100:
            new = value + rng.choice([-1, 1]) * rng.randint(1, 15)
        else:
            new = rng.choice([value * rng.uniform(1.2, 3.0), value * rng.uniform(0.3, 0.8), value + rng.randint(1, 9)])
            if len(whole) > 2 and not decimals and whole.endswith("00"):
                new = round(new / 100) * 100.0
        shown = f"{new:,.{len(decimals)}f}" if commas else f"{new:.{len(decimals)}f}"
        if float(shown.replace(",", "")) != value and float(shown.replace(",", "")) > 0:
            return shown


def _negation(sentence: str, rng: random.Random, context: Context) -> Defect | None:
    """Takes a 'not' out where there is one, else puts one in."""
    denied = list(
        re.finditer(
            r"\b(?:(is|are|was|were|can|could|may|will|would|should|has|have|had) not|(cannot))\b(?! only| just)",
            sentence,
        )
    )
    if denied:
        match = rng.choice(denied)
        return _replaced("negation", sentence, match, match[1] or "can")
    places: list[tuple[re.Match[str], str]] = [(m, f"{m[1]} not") for m in _AUXILIARY.finditer(sentence)]
    places += [(m, f"does not {_FINITE[m[0]]}") for m in re.finditer(r"\b[a-z]+s\b", sentence) if m[0] in _FINITE]
    places += [(m, m[0].replace(m[1], f"do not {m[1]}")) for m in _FIRST_PERSON.finditer(sentence)]
    if not places:
        return None
    match, new = rng.choice(places)
    return _replaced("negation", sentence, match, new)


def _direction(sentence: str, rng: random.Random, context: Context) -> Defect | None:
    places = [
        m
        for m in re.finditer(r"\b[A-Za-z]+\b", sentence)
        if m[0].lower() in _SWAP and not (m[0].lower() == "with" and rng.random() < 0.7)
    ]
    if not places:
        return None
    match = rng.choice(places)
    new = _SWAP[match[0].lower()]
    return _replaced("direction", sentence, match, new.capitalize() if match[0][0].isupper() else new)


def _name(sentence: str, rng: random.Random, context: Context) -> Defect | None:
    places = list(_NAME.finditer(sentence))
    own = " ".join(context.paper_sentences) + context.title
    names = [name for name in context.names if name not in own]
    if not places or not names:
        return None
    match = rng.choice(places)
    plural = match[0].endswith("s") and match[0][:-1].isupper()
    name = rng.choice(names)
    return _replaced("name", sentence, match, name + "s" if plural and not name.endswith("s") else name)


def _quantifier(sentence: str, rng: random.Random, context: Context) -> Defect | None:
    places = list(_QUANTIFIER.finditer(sentence))
    if not places:
        return None
    match = rng.choice(places)
    return _replaced("quantifier", sentence, match, _QUANTIFIERS[match[1]])


def _wrong_paper(sentence: str, rng: random.Random, context: Context) -> Defect | None:
    others = [other for other in context.other_sentences if is_claim(other)]
    return Defect("wrong_paper", rng.choice(others), "a sentence of another paper") if others else None


def _joined(sentence: str, rng: random.Random, context: Context) -> Defect | None:
    """The first half of this sentence and a clause of another paper's."""
    others = [half for other in context.other_sentences if (half := _clause(other)) is not None]
    own = _clause(sentence) or (sentence.rstrip(" .") if len(sentence.split()) < 25 else None)
    if not others or own is None:
        return None
    other = rng.choice(others)
    joint = rng.choice([", and ", ", while ", ", and as a result "])
    return Defect("joined", own + joint + _lower_first(other) + ".", f"joined with: {other}")


def _generalised(sentence: str, rng: random.Random, context: Context) -> Defect | None:
    places = list(_SCOPE.finditer(sentence))
    if not places:
        return None
    match = rng.choice(places)
    head = match[1].split()[-1].lower()
    wider = _WIDER.get(head) or _WIDER.get(head.removesuffix("s"))
    return _replaced("generalised", sentence, match, wider) if wider else None


_PLANTERS: tuple[Callable[[str, random.Random, Context], Defect | None], ...] = (
    _number, _negation, _direction, _name, _quantifier, _wrong_paper, _joined, _generalised,
)  # fmt: skip


def _replaced(kind: str, sentence: str, match: re.Match[str], new: str) -> Defect:
    claim = sentence[: match.start()] + new + sentence[match.end() :]
    return Defect(kind, claim, f"'{match[0]}' became '{new}'")


# -- true sentences -----------------------------------------------------------------------------

_ADVERBIAL = re.compile(
    r"^(?:However|Moreover|Furthermore|In addition|Additionally|Finally|Specifically|In particular|Notably|Here|Thus|"
    r"Hence|Therefore|Consequently|As a result|Interestingly|Remarkably|In this paper|In this work|In "
    r"this article|Also|"
    r"In this study|In this letter|Recently|Experimentally|Empirically|Surprisingly|To this end|For "
    r"example|Importantly|"
    r"Then|First|Second|Indeed|Besides|Overall|Meanwhile|More specifically|In general|In contrast)\b,?\s+"
)
_PARENTHETICAL = re.compile(r"\s\([^()]{1,80}\)")
_REPORTING = re.compile(
    r"^(?:We|Our results|The results|Our experiments|Results|Extensive experiments|Experiments|Experimental results|"
    r"Numerical results|It is) (?:also |further |then "
    r")?(?:show|find|demonstrate|observe|prove|indicate|reveal|shown|found) that (?=\w)"
)
_FRONTED = re.compile(
    r"^((?:In|On|For|With|By|Using|Under|Based on|Through|Despite|Due to|From|At) [^,]{8,80}), ((?!and "
    r"|or )[a-z][^;:]{15,}?)\.?$"
)
_SYNONYMS = {
    "show": "demonstrate", "demonstrate": "show", "propose": "put forward", "demonstrates": "shows",
    "shows": "demonstrates", "obtain": "get", "utilize": "use", "use": "employ", "using": "with the help of",
    "important": "crucial", "method": "approach", "methods": "approaches", "approach": "method", "problem": "task",
    "large": "big", "many": "numerous", "several": "a number of", "investigate": "study", "study": "examine",
    "studied": "examined", "examine": "investigate", "achieves": "reaches", "achieve": "reach",
    "significantly": "considerably", "substantially": "considerably", "recent": "latest", "however": "yet",
    "because": "since", "presents": "introduces", "present": "introduce", "introduce": "present",
    "results": "findings", "therefore": "hence", "allows": "permits", "enables": "makes possible",
    "requires": "needs", "provides": "gives", "provide": "give", "novel": "new", "new": "novel", "difficult": "hard",
    "demonstrated": "shown", "shown": "demonstrated", "performs": "works", "based on": "building on",
    "moreover": "furthermore", "such as": "like", "various": "diverse", "consists of": "is made up of",
    "in order to": "to", "a variety of": "various", "due to": "because of", "obtained": "gained",
    "accurately": "precisely", "rapidly": "quickly", "huge": "vast", "key": "central", "main": "principal",
}  # fmt: skip
_SYNONYM = re.compile(rf"\b({'|'.join(sorted(map(re.escape, _SYNONYMS), key=len, reverse=True))})\b")


def true_claims(sentence: str, rng: random.Random, context: Context) -> list[tuple[str, str]]:
    """(kind, claim): the sentence as it is and in other forms that say no more than it does."""
    claims = [("quote", sentence)]
    trimmed = sentence
    for pattern in (_ADVERBIAL, _REPORTING, _PARENTHETICAL):
        trimmed = pattern.sub("", trimmed)
    if trimmed != sentence and is_claim(trimmed):
        claims.append(("trimmed", trimmed[0].upper() + trimmed[1:]))
    others = [other for other in context.paper_sentences if other != sentence and is_claim(other)]
    if others:
        other = rng.choice(others)
        claims.append(("joined_true", f"{sentence.rstrip(' .')}, and {_lower_first(other)}"))
    clause = _clause(sentence)
    if clause is not None:
        claims.append(("split", clause + "."))
    fronted = _FRONTED.match(sentence)
    if fronted:
        claims.append(("reordered", f"{fronted[2][0].upper()}{fronted[2][1:]} {_lower_first(fronted[1])}."))
    voiced = _voice(sentence)
    if voiced is not None:
        claims.append(("voice", voiced))
    reworded = _SYNONYM.sub(lambda m: _SYNONYMS[m[1]] if rng.random() < 0.8 else m[1], sentence)
    if reworded != sentence:
        claims.append(("reworded", reworded))
    return claims


_PARTICIPLES = {
    "propose": "proposed", "present": "presented", "introduce": "introduced", "develop": "developed",
    "study": "studied", "investigate": "investigated", "describe": "described", "consider": "considered",
    "analyze": "analyzed", "construct": "constructed", "derive": "derived", "design": "designed",
    "discuss": "discussed",
}  # fmt: skip
_ACTIVE = re.compile(
    rf"^(?:In this (?:paper|work|letter|article|study), )?[Ww]e ({'|'.join(_PARTICIPLES)}) "
    rf"((?:a|an|the|our) [^,;:.]{{3,90}}?)"
    r"(?=( that | which | for | to | in which |, |\.$))"
)


def _voice(sentence: str) -> str | None:
    """'A method is proposed that ...' for 'We propose a method that ...'; 'The authors ...' for 'We ...'."""
    match = _ACTIVE.match(sentence)
    if match and not re.search(r"\b(?:and|we|our|its|it)\b", match[2]):
        plural = match[2].split()[-1].endswith("s") and match[2].split()[0] not in ("a", "an")
        verb = f"{'are' if plural else 'is'} {_PARTICIPLES[match[1]]}"
        return f"{match[2][0].upper()}{match[2][1:]} {verb}{sentence[match.end() :]}"
    if sentence.startswith("We ") and not re.search(r"\b(?:we|us|our|We)\b", sentence[3:]):
        return "The authors " + sentence[3:]
    return None


def is_claim(sentence: str) -> bool:
    """A full sentence of sensible length that a model might write."""
    n_words = len(sentence.split())
    return (
        6 <= n_words <= 60
        and sentence.rstrip()[-1:] == "."
        and sentence[0].isupper()
        and sentence.count("$") <= 4
        and sum(ch.isalpha() for ch in sentence) > 0.65 * len(sentence)
    )


def names_in(texts: Iterable[str]) -> tuple[str, ...]:
    """The names, acronyms and data sets of some texts, each once, in the order of first use."""
    return tuple(dict.fromkeys(match[0] for text in texts for match in _NAME.finditer(text)))


def _clause(sentence: str) -> str | None:
    """What stands before ', and', ', which', '; ' or ', while', if it can stand alone."""
    match = re.match(
        r"^([A-Z][^;:()$]{30,}?)(?:, (?:and|which|while|where|but|whereas|leading|allowing|making) |; )(?=\w)", sentence
    )
    if (
        match is None
        or "," in match[1]
        or not re.search(r"\b(?:is|are|was|were|can|has|have|we|show\w*|\w+(?:es|ed|ize))\b", match[1])
    ):
        return None
    if re.match(r"(?:If|When|While|Although|Since|Because|Whether|Unlike|Despite|As|Given|Though)\b", match[1]):
        return None
    return match[1]


def _lower_first(text: str) -> str:
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    return text[0].lower() + text[1:] if first[1:] == first[1:].lower() and len(first) > 0 else text

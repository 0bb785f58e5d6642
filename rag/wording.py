"""Words that are written in two ways, in one of them: 'tumour' and 'tumor', 'β-amyloid' and 'beta-amyloid', 'LLMs'
and 'LLM'.

Abstracts enter the word index in this form, and questions are looked up in it. What is
stored, quoted and shown stays as its author wrote it.
"""

from __future__ import annotations

import functools
import re
import unicodedata

from rag.papers import plain_words
from rag.readable import readable

MAX_KNOWN, MAX_KNOWN_CHARACTERS = 200_000, 60
"""Words that are remembered, and how long they may be: about 30 MB; beyond, it begins anew."""

# By the letters before the part that differs. Most of all British spellings follow from these few rules.
_OUR = (
    "arb|arm|behavi|cand|clam|col|demean|endeav|fav|ferv|flav|glam|harb|hon|hum|lab|neighb|od|parl|ranc|rig|rum|savi"
    "|sav|splend|tum|val|vap|vig"
)
_LL = (
    "barrel|cancel|channel|counsel|dial|duel|equal|fuel|funnel|jewel|label|level|marshal|marvel|model|panel|parcel"
    "|pedal|pencil|quarrel|rival|shovel|shrivel|signal|spiral|stencil|total|towel|travel|tunnel|unravel"
)
_RE = "cent|fib|met|lit|theat|calib|spect|lust|tit|sab|meag"
# Written with s everywhere: words that end so, and whole words.
_ALWAYS_ISE = "adv|advert|circumc|comprom|conc|dev|exc|exerc|expert|franch|improv|merchand|pr|prec|prem|prom|rev"
_ALWAYS_ISE += "|superv|surm|telev|treat|w"
_ISE_ENDS = "e|ed|es|ing|er|ers|able|ations?|ational"
_WORDS_IN_ISE = "an|ar|chast|cr|dem|desp|inc|parad|pract|r|sunr|upr|val"
_RULES = tuple(
    (re.compile(pattern), written)
    for pattern, written in (
        (rf"({_OUR})our", r"\1or"),
        (rf"({_LL})l(ing|ings|ed|er|ers)$", r"\1\2"),
        (rf"({_RE})re(s?)$", r"\1er\2"),
        (r"(cent|calib)red$", r"\1ered"),
        (r"centring$", "centering"),
        (rf"^(?!(?:\w*(?:{_ALWAYS_ISE})|{_WORDS_IN_ISE})is[a-z]{{1,6}}$)(\w+[^\Waou]i)s({_ISE_ENDS})$", r"\1z\2"),
        (r"(anal|catal|paral|electrol|dial|hydrol)ys(e|ed|ing|er|ers|able)$", r"\1yz\2"),
        (r"(def|off|pret|lic)ence(s?)$", r"\1ense\2"),
        (r"^practis(e|ed|es|ing)$", r"practic\1"),
        (r"(anal|catal|dial|homol)ogue(s?)$", r"\1og\2"),
        (r"programme(s?)$", r"program\1"),
        (r"^(judg|acknowledg)ement", r"\1ment"),
        (r"^(fulfi|enro|disti|insta)l(s|ment|ments)?$", r"\1ll\2"),
        # Medicine: ae and oe.
        (r"(?<=\w)aemi", "emi"),
        (r"haem(?=[aeio])(?!ophilus)", "hem"),
        (r"(?:^|(?<=[io]))oe(?=str|soph)|oe(?=dema)", "e"),
        (r"(?<=rrh)oea(?=l?$)", "ea"),
        (r"foet(?=us|al)", "fet"),
        (r"^faec(?=al$|es$)", "fec"),
        (r"^caec(?=al|um)", "cec"),
        (r"^aetiolog", "etiolog"),
        (r"^coeliac", "celiac"),
        (r"^caesium$", "cesium"),
        (r"anaesth", "anesth"),
        (r"(?<=p)aed(?=iatr|ic)", "ed"),
        (r"(?<=gyn)aec", "ec"),
        (r"(?<=pal)aeo|(?<=arch)aeo(?=log)", "eo"),
        (r"^homoeo", "homeo"),
        # Single words.
        (r"sulph", "sulf"),
        (r"^aluminium$", "aluminum"),
        (r"^manoeuvr(e?)", r"maneuv\1r"),
        (r"^sceptic", "skeptic"),
        (r"^mould", "mold"),
        (r"^plough", "plow"),
        (r"^artefact", "artifact"),
        (r"^skilful", "skillful"),
        (r"^grey", "gray"),
        (r"^tyre", "tire"),
        (r"^ageing$", "aging"),
        (r"^learnt$", "learned"),
        (r"^enquir", "inquir"),
        (r"^maths$", "math"),
    )
)

_MAY_DIFFER = re.compile(
    "our|ll[ei]|[tbrv]r[ei]|re[ds]?$|is[aei]|ys[ei]|ae|oe|enc|ogue|programme|ement|fulfil|enrol|distil|instal|sulph"
    "|aluminium|manoeuv|sceptic|mould|plough|artefact|skilful|grey|tyre|ageing|learnt|enquir|maths|practis"
)
"""Nine words of ten have none of it, and need not be held against each rule."""

_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρστυφχψωςϵϑϰϖϱϕ",
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi "
        "chi psi omega sigma epsilon theta kappa pi rho phi".split(),
        strict=True,
    )
)
_GREEK |= {letter.upper(): name.capitalize() for letter, name in _GREEK.items() if len(letter.upper()) == 1}
GREEK_NAMES = frozenset(name.lower() for name in _GREEK.values())
"""'alpha' to 'omega'."""
_IS_GREEK = re.compile(f"[{''.join(_GREEK)}]")
_GREEK_WORD = re.compile("[\u0386-\u03ff\u1f00-\u1fff]{3,}")  # a text in Greek, not a letter in a formula
_MATHEMATICAL = re.compile("[\u00b5\U0001d6a8-\U0001d7cb]")
_NAMES = sorted({name.lower() for name in _GREEK.values() if len(name) > 2})
# Short names stand at the end of words too: 'Meta', 'Delphi'.
_NAME_WITHIN = re.compile(
    f"(?:(?<=[A-Z0-9][A-Z0-9])|^)({'|'.join(_NAMES)})(?=[A-Z0-9]|$)"
    f"|(?<=[A-Z0-9])({'|'.join(name for name in _NAMES if len(name) > 3)})(?=[A-Z0-9]|$)"
)
_ACRONYMS = re.compile(r"([A-Z][A-Za-z0-9]*[A-Z0-9])s")
_SPELLED_OUT = re.compile(r"([b-df-hj-np-tv-xz]{3,})s")
_WORD = re.compile(r"[^\W_]+")
STOPS = ".,;:!?)"


def one_spelling(text: str) -> str:
    """``text`` in American spelling, with single Greek letters by their names; its case stays.

    'β-Catenin behaviour' becomes 'beta-Catenin behavior'. Words that no rule knows stay.
    """
    return " ".join(map(_spelled.__getitem__, with_greek_names(text).split(" ")))


def looked_up(text: str) -> str:
    """``one_spelling``, and acronyms in the singular: what the word index is given of texts and questions."""
    return " ".join(map(_singular.__getitem__, with_greek_names(text).split(" ")))


def looked_up_piece(piece: str) -> str:
    """What becomes between two blanks of a text ``with_greek_names``: for those who remember it themselves."""
    return _singular.worked_out(piece)


@functools.lru_cache(maxsize=4_096)
def spelled_words(text: str) -> str:
    """Its plain words in one spelling, with a blank on either side of each, so that a row of them is found whole."""
    return f" {' '.join(plain_words(one_spelling(readable(text))))} "


def with_greek_names(text: str) -> str:
    """``text`` with the names of single Greek letters in their places."""
    if text.isascii():
        return text
    if _MATHEMATICAL.search(text):
        text = _MATHEMATICAL.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    if not _IS_GREEK.search(text) or _GREEK_WORD.search(text):
        return text
    return _IS_GREEK.sub(_named, text)


def _named(letter: re.Match[str]) -> str:
    """Apart from a letter on either side: 'TGFβ1' is 'TGF beta1', as 'TGF-β1' is 'TGF-beta1'."""
    before, after = letter.string[letter.start() - 1 : letter.start()], letter.string[letter.end() : letter.end() + 1]
    return f"{' ' if before.isalnum() else ''}{_GREEK[letter[0]]}{' ' if after.isalpha() else ''}"


def _apart(word: str) -> str:
    """'IkappaBalpha' as it is written with Greek letters: 'I kappa B alpha'."""
    apart = _NAME_WITHIN.sub(r" \g<0> ", word)
    return re.sub(r" (?=\d)", "", apart).strip().replace("  ", " ")


def _may_hold_a_name(word: str) -> bool:
    """False for nearly all words, which the pattern of the names need not be tried on."""
    if not word.isalpha():
        return not word.isdigit()
    return not word.islower() and (not (rest := word[1:]).islower() or rest in _NAMES)


class PieceMemory(dict[str, str]):
    """Works out what stands between two blanks once, punctuation and all: five times faster than word by word."""

    most = MAX_KNOWN
    """Beyond so many the memory begins anew."""

    def __missing__(self, piece: str) -> str:
        found = self.worked_out(piece)
        if len(piece) <= MAX_KNOWN_CHARACTERS:
            if len(self) >= self.most:
                self.clear()
            self[piece] = piece if found == piece else found  # one text in the memory, not two
        return found

    def worked_out(self, piece: str) -> str:
        """What becomes of one that is not known."""
        raise NotImplementedError


class _Spelled(PieceMemory):
    def worked_out(self, piece: str) -> str:
        if (bare := piece.rstrip(STOPS)) and bare != piece:
            return self[bare] + piece[len(bare) :]  # mostly known, from where no comma follows
        if piece.lower() == piece.upper():
            return piece  # numbers and signs
        if piece.isalnum():
            return self.spell(piece)
        return _WORD.sub(lambda word: self[word[0]], piece)

    def spell(self, word: str) -> str:
        if _may_hold_a_name(word) and _NAME_WITHIN.search(word):
            return _apart(word)
        lower = spelled = word.lower()
        if len(word) < 4 or not _MAY_DIFFER.search(lower):
            return word
        for pattern, written in _RULES:
            if pattern.search(spelled):  # a substitution in vain takes five times as long
                spelled = pattern.sub(written, spelled)
        if spelled == lower:
            return word
        return spelled.upper() if word.isupper() else spelled.capitalize() if word[0].isupper() else spelled


class _Singular(_Spelled):
    def spell(self, word: str) -> str:
        if word.endswith("s") and (several := _ACRONYMS.fullmatch(word) or _SPELLED_OUT.fullmatch(word)):
            return several[1]
        return _spelled[word]


_spelled = _Spelled()
_singular = _Singular()

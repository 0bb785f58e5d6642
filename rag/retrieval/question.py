"""What a question asks for, read from its words. Pure patterns: no library, no model."""

from __future__ import annotations

import functools
import re

from rag import vocabulary

# What a question asks for, and what a sentence that gives it tends to contain.
CUES: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(asked, re.IGNORECASE), re.compile(given, re.IGNORECASE))
    for asked, given in (
        (  # a number
            r"\b(how (many|much|large|big|fast|long|often|high|far|old)|by (how much|what)|percent\w*|accuracy|times"
            r"|what (percent\w*|number|fraction|share|accuracy|size|rate|speed\w*|score|factor|ratio|proportion))\b",
            r"(?<![\w-])\d[\d.,]*%?|\b(two|three|four|five|six|seven|eight|nine|ten|twice|double|half)\b",
        ),
        (  # a reason or a problem
            r"\b(why|reason|motivat\w*|problem|wrong with|challenge\w*|difficult\w*|limitation\w*|drawback\w*"
            r"|downside|trouble|issue)\b",
            r"\b(because|due to|since|however|but|limit\w*|challeng\w*|suffer\w*|difficult\w*|lack\w*|problem\w*"
            r"|fail\w*|hinder\w*|despite|although|costly|expensive|ignor\w*|neglect\w*)\b",
        ),
        (  # a way
            r"\bhow (do|does|did|is|are|was|were|can|could|to)\b",
            r"\b(by|via|through|using|uses?|leverag\w*|employ\w*|propos\w*|introduc\w*|combin\w*|consist\w*"
            r"|based on)\b",
        ),
        (  # a result
            r"\b(result\w*|outperform\w*|improv\w*|better|gain|achiev\w*|perform\w*|find|found|show\w*|effect)\b",
            r"\b(outperform\w*|improv\w*|achiev\w*|results?|show\w*|demonstrat\w*|state-of-the-art|find|found|reveal\w*"
            r"|increas\w*|reduc\w*|better|faster|gains?)\b",
        ),
        (  # data
            r"\b(dataset\w*|benchmark\w*|data set\w*|data|corpus|corpora|task\w*|environment\w*|experiment\w*|tested"
            r"|evaluat\w*)\b",
            r"\b(dataset\w*|benchmark\w*|data set\w*|experiments?|evaluat\w*|tested?|validat\w*|tasks?|simulat\w*)\b",
        ),
    )
)

# Facts about a paper that its abstract hardly ever gives: named in the question and not in
# the abstract, they mean that the abstract does not answer.
_BESIDE_THE_ABSTRACT = re.compile(
    r"\b(who (wrote|are the authors|is the author|authored|published|funded)|(names? of the|first|lead|senior) authors?"
    r"|authors? names?|affiliat\w+|universit\w+|institut\w+|fund(ed|ing)|sponsor\w*|grants?|conflicts? of interest"
    r"|publication (date|year|venue)|published in|(when|where) (was|were|did) (it|this|that|they|the)\b[\w\s-]{0,40}"
    r"\b(published|appear|presented)|publishers?|journal|conference|impact factor|peer.review\w*|e-?mails?|cited"
    r"|how many (citations|pages|figures|tables|references)|batch sizes?|learning rates?|weight decay|warm-?up|epochs?"
    r"|hyper-?parameters?|how many (layers|attention heads|hidden units)|gpus?|tpus?|graphics? cards?|hardware"
    r"|how much memory|wall.?clock|pytorch|tensorflow|programming language|licen[cs]ed?|open.?source\w*|source code"
    r"|random seeds?|how many parameters|parameter counts?|dropout|training time"
    r"|how long (did|does|was|is) [\w\s-]*train\w*|github|carbon|cost in dollars|how much did it cost)\b",
    re.IGNORECASE,
)

# What can only be a name: two capitals, or letters and digits together, as in FBLNet-3 or MT-Bench.
_NAME = re.compile(r"\b(?=\w*[A-Z])(?:\w*[A-Z]\w*[A-Z]\w*|[A-Za-z]+\d+\w*)(?:-\w+)*|\b[A-Z]\w+-\d\w*")

_SEVERAL = re.compile(
    r"\b((which|what|any|these|the|various|other|several|different|all|both|some|two|three|many) ([\w-]+ ){0,2}"
    r"(papers|works|studies|articles|methods|approaches|alternatives|techniques|tools|ideas|solutions)"
    r"|papers|compare|each of them|each one|anything (on|about|built|using)|on offer)\b",
    re.IGNORECASE,
)


@functools.lru_cache(maxsize=256)
def asks_for_several(question: str) -> bool:
    """True if more than one paper seems to be wanted: 'which papers ...', 'compare ...'."""
    return _SEVERAL.search(question) is not None


@functools.lru_cache(maxsize=256)
def cues_asked(question: str) -> tuple[bool, ...]:
    """Which of ``CUES`` it asks for."""
    return tuple(asked.search(question) is not None for asked, _ in CUES)


def lacks_number(question: str, sentence: str) -> bool:
    """True if the question asks for a number, and the sentence has none."""
    return cues_asked(question)[0] and CUES[0][1].search(sentence) is None


def read_ahead(question: str) -> None:
    """Have what the words of a question say remembered, before anybody asks for it."""
    for look in (cues_asked, _asked_beside, _names):
        look(question)


def asks_beside(question: str, paper: str) -> bool:
    """True if the question asks for a thing that abstracts hardly ever give, and this one does not name."""
    asked = _asked_beside(question)
    if asked is None:
        return False
    wanted = vocabulary.weights(asked)
    return not wanted or not set(wanted) & set(vocabulary.stems(paper))


@functools.lru_cache(maxsize=256)
def _asked_beside(question: str) -> str | None:
    """The words that ask for such a thing. One question is looked at more than once."""
    found = _BESIDE_THE_ABSTRACT.search(question)
    return found.group() if found is not None else None


def names_missing(question: str, paper: str) -> int:
    """How many names of the question the paper does not have, spacing, hyphens and a plural s aside."""
    names = _names(question)
    text = _squeezed(paper) if names else ""
    return sum(_squeezed(name).rstrip("s") not in text for name in names)


def has_names(question: str) -> bool:
    """True if something in the question can only be a name."""
    return bool(_names(question))


def names_held(question: str, paper: str) -> bool:
    """True if the question has names, and the paper has them all."""
    return has_names(question) and names_missing(question, paper) == 0


@functools.lru_cache(maxsize=256)
def _names(question: str) -> tuple[str, ...]:
    return tuple(_NAME.findall(question))


@functools.lru_cache(maxsize=256)
def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()

"""What makes two records the same paper: identifiers cleaned to one spelling each, merging, and near-duplicates."""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from urllib.parse import unquote

from rag.readable import readable
from rag.types import Paper

_ARXIV_WRAPPING = re.compile(
    r"^(?:arxiv:\s*|(?:https?://)?(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/|(?:doi:\s*|https?://(?:dx\.)?doi\.org/)?"
    r"10\.48550/arxiv\.)",
    re.IGNORECASE,
)
_ARXIV_ENDING = re.compile(r"(?:v\d{1,3})?(?:\.pdf)?$", re.IGNORECASE)
_ARXIV_NEW = re.compile(r"(\d{2})(0[1-9]|1[0-2])\.(\d{4,5})")
_ARXIV_OLD = re.compile(r"([a-z]+(?:-[a-z]+)?)(?:\.[A-Za-z-]{2,20})?/(\d{2}(?:0[1-9]|1[0-2])\d{3})")
# Publishers link to it in many ways: doi.org/10.., doi.acm.org/10.., link.springer.com/article/10.., DOI: 10..
_DOI_WRAPPING = re.compile(
    r"^(?:doi:?\s*)?(?:(?:https?:)?//)?(?:(?:[\w-]+\.)+[a-z]{2,10}/(?:(?:doi|abs|full|pdf|article|abstract)/){0,3})?",
    re.IGNORECASE,
)
_PMID = re.compile(
    r"(?:pmid:?\s*|(?:https?://)?(?:www\.)?(?:pubmed\.ncbi\.nlm\.nih\.gov|ncbi\.nlm\.nih\.gov/pubmed)/)?0*([1-9][0-9]{0,8})/?",
    re.IGNORECASE,
)
_DOI = re.compile(r"10\.\d{4,9}(?:\.\d+)*/\S+")


_RECENT = 8_192
"""Identifiers that are remembered: those of a batch."""


class _TitleLetters(dict[int, str]):
    """A translation table that works out each character once.

    Punctuation (and the quote-like accents) becomes a space, invisible format characters
    vanish, and symbols stay: "C++" and "C" are different titles.
    """

    def __missing__(self, codepoint: int) -> str:
        character = chr(codepoint)
        category = unicodedata.category(character)
        if category == "Cf":
            kept = ""
        elif category[0] in "PZC" or category == "Sk" or character == "\N{MINUS SIGN}":
            kept = " "
        else:
            kept = character
        self[codepoint] = kept
        return kept


_title_letters = _TitleLetters()


def normalise_title(title: str) -> str:
    """The title as far as identity goes: NFKC, case folded, punctuation and white space one space.

    Curly and straight quotes, all dashes and soft hyphens come out the same. A title made
    of nothing but punctuation comes out as itself, so that two of them stay apart. TeX counts
    as what it prints: ``R\\"ossler`` is Rössler.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", readable(title)).casefold())
    return " ".join(folded.translate(_title_letters).split()) or " ".join(folded.split())


def clean_arxiv_id(text: object) -> str | None:
    """``2305.12345`` or ``hep-th/9901001``: without version, prefix, address or subject class.

    None for everything else. That includes what a spreadsheet leaves of an identifier it
    took for a number: ``2305.1234`` (a zero lost at the end; ids have five digits after
    the point since 2015, and four before) and ``704.0001`` (a zero lost at the front).
    """
    return _clean_arxiv_id(text) if isinstance(text, str) else None


@functools.lru_cache(_RECENT)  # a record's identifiers are looked at by reading, merging and storing it
def _clean_arxiv_id(text: str) -> str | None:
    bare = text.strip()
    if not _ARXIV_NEW.fullmatch(bare):  # as it mostly stands in files
        bare = _ARXIV_ENDING.sub("", _ARXIV_WRAPPING.sub("", bare))
    if new := _ARXIV_NEW.fullmatch(bare):
        n_digits = 5 if int(new[1]) >= 15 else 4
        return bare if len(new[3]) == n_digits else None
    if old := _ARXIV_OLD.fullmatch(bare):
        return f"{old[1]}/{old[2]}"
    return None


def clean_doi(text: object) -> str | None:
    """The DOI in lower case without ``https://doi.org/``; the first of several; None if it is none."""
    return _clean_doi(text) if isinstance(text, str) and text.strip() else None


@functools.lru_cache(_RECENT)
def _clean_doi(text: str) -> str | None:
    bare = _DOI_WRAPPING.sub("", text.strip()[:1_000]).split()[:1]
    if not bare:
        return None
    doi = unquote(bare[0]) if "%2f" in bare[0].lower() else bare[0]
    doi = doi.rstrip(".,;")
    return doi.casefold() if _DOI.fullmatch(doi) else None


def clean_pmid(text: object) -> str | None:
    """The PubMed number without prefix or address; None if it is none."""
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str):
        return None
    found = _PMID.fullmatch(text.strip())
    return found[1] if found else None


def paper_id_for(title: str, *, doi: str | None = None, arxiv_id: str | None = None, pmid: str | None = None) -> str:
    """The paper's identity, from the strongest identifier that is one.

    In order: ``arxiv:2305.12345``, ``doi:10.1000/xyz``, ``pmid:123``, and otherwise
    ``title:`` with 12 hex digits of the SHA-256 of the normalised title. A malformed
    identifier counts as absent. A DOI that arXiv gave out is the arXiv id it stands for.
    """
    if arxiv := clean_arxiv_id(arxiv_id) or clean_arxiv_id(doi):
        return f"arxiv:{arxiv}"
    if cleaned_doi := clean_doi(doi):
        return f"doi:{cleaned_doi}"
    if cleaned_pmid := clean_pmid(pmid):
        return f"pmid:{cleaned_pmid}"
    digest = hashlib.sha256(normalise_title(title).encode("utf-8", "surrogatepass"))
    return f"title:{digest.hexdigest()[:12]}"


def id_among_namesakes(paper: Paper) -> str:
    """The id of a paper whose own is taken by another: its title's, and eight digits for its authors or wording."""
    words = [word for name in paper.authors for word in plain_words(name)] or plain_words(paper.abstract)[:40]
    return f"{paper_id_for(paper.title)}-{_short_hash(words)[:8]}"


def identities(paper: Paper) -> tuple[str, ...]:
    """Every name by which another record of the same paper may be known, the strongest first.

    Its own id, then ``arxiv:``, ``doi:`` and ``pmid:`` as far as it has them. Two records
    that share one are the same paper; a title hash is among them only where it is the id,
    since different papers do share titles.
    """
    doi, pmid = clean_doi(paper.doi), clean_pmid(paper.pmid)
    arxiv = clean_arxiv_id(paper.arxiv_id) or clean_arxiv_id(doi)
    is_arxiv_doi = doi is not None and clean_arxiv_id(doi) is not None
    named = (
        paper.paper_id,
        f"arxiv:{arxiv}" if arxiv else "",
        f"doi:{doi}" if doi and not is_arxiv_doi else "",
        f"pmid:{pmid}" if pmid else "",
    )
    return tuple(dict.fromkeys(filter(None, named)))


def is_other_paper(held: Paper, new: Paper) -> bool:
    """Whether two records that share a name describe different papers all the same.

    Exports give a whole volume's DOI to each of its papers, number their records from 1, and
    hold many papers called 'Editorial'. So two records are told apart where an identifier
    stronger than all they share differs (arXiv id, DOI, PMID, in this order), unless it is
    the DOI and they have the same title. Those that share an arXiv id or a PMID are one.
    Those that share only a DOI, a title or a number of the file's own are not, if their titles
    differ and neither abstracts nor authors say otherwise, or if they have no author in common,
    or, where authors are not known, no wording.
    """
    ours, theirs = _identifiers(held), _identifiers(new)
    is_same_doi = False
    for kind in ("arxiv", "doi", "pmid"):
        one, other = ours.get(kind), theirs.get(kind)
        if one and one == other:
            if kind != "doi":
                return False
            is_same_doi = True
            break
        if one and other and (kind == "arxiv" or normalise_title(held.title) != normalise_title(new.title)):
            return True
    wording, authors = _share_wording(held, new), _share_authors(held, new)
    if not _have_similar_titles(held, new):
        return not (authors if wording is None else wording)
    if is_same_doi:
        return False
    return wording is False if authors is None else not authors


def _identifiers(paper: Paper) -> dict[str, str]:
    """By kind, without what is only the file's own number or a title."""
    named = (name.partition(":") for name in identities(paper))
    return {kind: value for kind, _, value in reversed(list(named)) if kind in ("arxiv", "doi", "pmid")}


def _have_similar_titles(one: Paper, other: Paper) -> bool:
    """At least half of the longer words of the shorter title are in the other one, too."""
    first, second = (_longer_words(paper.title) for paper in (one, other))
    return 2 * len(first & second) >= min(len(first), len(second))


def _longer_words(title: str) -> set[str]:
    words = plain_words(title)
    return {word for word in words if len(word) >= _LONG_WORD} or set(words)


def _share_authors(one: Paper, other: Paper) -> bool | None:
    """None where either names none. A word of two letters or more is enough: 'Liu R.' and 'Rui Liu' are one."""
    first, second = ({word for name in paper.authors for word in plain_words(name)} for paper in (one, other))
    return bool({word for word in first & second if len(word) > 1}) if first and second else None


def _share_wording(one: Paper, other: Paper) -> bool | None:
    """Whether more words stand together in both abstracts than in any two; None where either has none."""
    first, second = _word_pairs(one.abstract), _word_pairs(other.abstract)
    if not first or not second:
        return None
    return len(first & second) >= _MIN_SHARED_SAME_NAME * min(len(first), len(second))


def merge(old: Paper, new: Paper) -> Paper:
    """One record of the two that describe the same paper; neither is changed.

    The id stays the old one: conversations and links refer to it. The abstract: a paper read
    again from the same origin was edited there, so its new abstract replaces the old one,
    unless it is empty; from different origins the longer one wins (white space not counted),
    and the old one where they are equally long. The same holds for the title, where a title
    in capitals yields to one that is not. Authors: the longer list, then the fuller names.
    Any other field keeps its old value and is filled where it had none; keywords are joined;
    a notice of either is kept, the newer one where both have one.
    """
    is_same_origin = new.origin is not None and new.origin == old.origin
    return replace(
        old,
        title=new.title if is_same_origin or (_is_shouted(old.title) and not _is_shouted(new.title)) else old.title,
        abstract=_better_abstract(old.abstract, new.abstract, is_same_origin),
        authors=max(old.authors, new.authors, key=lambda names: (len(names), sum(map(len, names)))),
        year=new.year if old.year is None else old.year,
        venue=old.venue or new.venue,
        url=old.url or new.url,
        doi=old.doi or new.doi,
        arxiv_id=old.arxiv_id or new.arxiv_id,
        pmid=old.pmid or new.pmid,
        keywords=_joined(old.keywords, new.keywords),
        notice=new.notice or old.notice,
        origins=_all_origins(old, new),
    )


def _better_abstract(old: str, new: str, is_same_origin: bool) -> str:
    if not new.strip() or not old.strip():
        return old if old.strip() else new
    if is_same_origin:
        return new
    return new if len("".join(new.split())) > len("".join(old.split())) else old


def edited(old: Paper, new: Paper) -> Paper:
    """``old`` as its one origin tells it now: all from ``new``, but the id, and the abstract if that went missing."""
    return replace(new, paper_id=old.paper_id, abstract=new.abstract if new.abstract.strip() else old.abstract)


def _joined(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    known = {keyword.casefold() for keyword in old}
    return (*old, *(keyword for keyword in new if keyword.casefold() not in known))


def _is_shouted(title: str) -> bool:
    return title.isupper() and " " in title.strip()


def _all_origins(old: Paper, new: Paper) -> tuple[str, ...]:
    """() while there is but one."""
    known = (*(old.origins or (old.origin,)), *(new.origins or (new.origin,)))
    distinct = tuple(dict.fromkeys(origin for origin in known if origin))
    return distinct if len(distinct) > 1 else ()


_MIN_TITLE_WORDS = 4
"""'Editorial', 'Introduction to the special issue': shorter titles are shared by papers that have nothing in common."""
_OPENING_WORDS = 20
_OPENING_CHARACTERS = 400
_MIN_SHARED = 0.8
_MIN_SHARED_SAME_TITLE = 0.2
_MIN_SHARED_SAME_NAME = 0.1
_LONG_WORD = 4
"""Of all pairs of neighbouring words that two abstracts have, the share that both have. Tuned on 100,000 arXiv
records: below 0.8, papers with other titles are mostly parts of a series, which do confirm each other."""


def near_duplicate_keys(paper: Paper) -> tuple[str, ...]:
    """Two records that may be versions of one paper, such as a preprint and its journal version, share one of these.

    At most two: of the title's words, and of the abstract's first words (versions are often
    retitled). A shared key is a reason to look, with ``are_near_duplicates``; () for a
    paper with a short title and a short abstract.
    """
    keys = []
    title = plain_words(paper.title)
    if len(title) >= _MIN_TITLE_WORDS:
        keys.append("t:" + _short_hash(title))
    opening = plain_words(paper.abstract[:_OPENING_CHARACTERS], _OPENING_WORDS)
    if len(opening) == _OPENING_WORDS:
        keys.append("a:" + _short_hash(opening))
    return tuple(keys)


MAX_ALIKE = 16
"""Papers that are looked at because they share a key; a key of more is a phrase that many papers use."""


def _short_hash(words: list[str]) -> str:
    return hashlib.blake2b(" ".join(words).encode("utf-8", "replace"), digest_size=8).hexdigest()


def are_near_duplicates(one: Paper, other: Paper) -> bool:
    """Whether both report the same work, though their identifiers differ.

    Papers with the same title (of four words or more) do if they share an author. Where one
    names none, their abstracts must have something in common, unless one is empty. With
    different titles the abstracts have to be nearly the same.
    """
    title = plain_words(one.title)
    is_same_title = len(title) >= _MIN_TITLE_WORDS and title == plain_words(other.title)
    if is_same_title and one.authors and other.authors:
        return bool(_family_names(one) & _family_names(other))
    first, second = _word_pairs(one.abstract), _word_pairs(other.abstract)
    if not first or not second:
        return is_same_title
    return len(first & second) >= (_MIN_SHARED_SAME_TITLE if is_same_title else _MIN_SHARED) * len(first | second)


class _WithoutMarks(dict[int, str]):
    """A translation table that takes each character apart once (NFKD) and leaves its accents out."""

    def __missing__(self, codepoint: int) -> str:
        apart = unicodedata.normalize("NFKD", chr(codepoint))
        kept = self[codepoint] = "".join(c for c in apart if not unicodedata.combining(c))
        return kept


_without_marks = _WithoutMarks()
_PLAIN_WORD = re.compile(r"[^\W_]+")
# ASCII is nearly all of it, and takes a tenth of the time this way.
_ASCII_WORDS = bytes(ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else 32 for code in range(256))


def plain_words(text: str, most: int | None = None) -> list[str]:
    """Letters and digits alone, without case and accents: 'Rössler' and 'Rossler' are one word here.

    ``most``: no more than so many of the first.
    """
    text = readable(text)
    if text.isascii():
        return text.encode().translate(_ASCII_WORDS).decode().split(maxsplit=-1 if most is None else most)[:most]
    return _PLAIN_WORD.findall(text.casefold().translate(_without_marks))[:most]


def _word_pairs(text: str) -> set[tuple[str, str]]:
    words = plain_words(text)
    return set(pairwise(words))


def _family_names(paper: Paper) -> set[str]:
    return {words[-1] for name in paper.authors if (words := plain_words(name))}


def fold(found: Iterable[tuple[str, Paper]]) -> list[tuple[str, list[str]]]:
    """One chunk for each work, and the ids of the work's other papers; ``found``: chunk ids and papers, best first.

    A preprint and its journal version say the same thing once: shown side by side, or counted
    as two sources, they would look like a confirmation.
    """
    works: dict[str, tuple[str, str, list[str]]] = {}
    for chunk_id, paper in found:
        work = paper.work or paper.paper_id
        known = works.get(work)
        if known is None:
            works[work] = (chunk_id, paper.paper_id, [])
        elif paper.paper_id != known[1] and paper.paper_id not in known[2]:
            known[2].append(paper.paper_id)
    return [(chunk_id, versions) for chunk_id, _, versions in works.values()]

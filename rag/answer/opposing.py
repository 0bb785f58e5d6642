"""Which sentences say the opposite: of a statement, or of one another.

The small model that judges claims says how likely one sentence contradicts another; alone it takes much for a
contradiction that speaks of something else, so closeness in meaning, shared words and the rules of the check weigh
in. ``eval.benchmarks.disagreement`` prints how often that is right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from rag.answer.citations import Numbering
from rag.answer.drafts import Abstention, Quoted, quotations
from rag.answer.manner import Length
from rag.judge.by_rules import by_rules
from rag.judge.comparison import compare
from rag.judge.model import Belief, ClaimModel
from rag.judge.reading import read, share_in
from rag.judge.trained import LEFT_TO_THE_MODEL, log_odds
from rag.retrieval.evidence import Evidence
from rag.retrieval.features import FloatArray
from rag.types import Claim, Hit, Span

MAX_AGAINST: dict[Length, int] = {"shorter": 2, "usual": 5, "longer": 8}

NEAREST_READ = 6
"""Sentences of each paper, the nearest in meaning, that are read beside a statement."""

CLOSENESS_WORTH, SHARED_WORTH, RULE_WORTH, SUPPORT_COST = 3.0, 2.0, 1.0, 0.3
"""What a cosine, a share of words, a contradiction found by rules and the log-odds of support are worth, in log-odds
of a contradiction as the model sees it."""

AGAINST_ABOVE = 4.5
"""Chosen on 180 statements about the 96 abstracts of ``E7-``, which the model was not trained on: something is then
quoted against 42 % of those that an abstract contradicts and 7 % of the true ones; from 3.5 on against 55 and 20 %."""

SAYS_IT = 0.9
"""Share of a statement's words from which a sentence says just that, unless rules find them denied or turned round."""

SAME_SUBJECT, SAME_WORDS = 0.5, 0.7
"""Cosines of two sentences from which they may contradict each other, and from which a rule's word is enough."""

OPPOSED_ABOVE, OPPOSED_WITH_RULE = 0.65, 0.6
"""Mean probability of a contradiction, read both ways, from which two sentences oppose each other; and the larger
one, where a rule finds a contradiction too."""

MAX_BESIDE, BESIDE_WITHIN = 8, 8.0
"""So many of the ranked sentences are held against what is quoted, if they lie so near the best one."""


Place = tuple[Hit, Span]
"""A sentence of a hit's abstract."""


def quoted_other_side(
    statement: str,
    vector: FloatArray,
    hits: Sequence[Hit],
    model: ClaimModel,
    numbering: Numbering,
    length: Length = "usual",
) -> Quoted | None:
    """The sentences that contradict the statement, the surest first; None if none does.

    ``vector`` is the statement's, of unit length.
    """
    places = [(hit, at, cosine) for hit in hits for at, cosine in _nearest(hit, vector)]
    texts = [hit.chunk.sentences[at].of(hit.paper.abstract) for hit, at, _ in places]
    beliefs = model.beliefs([(statement, (text,)) for text in texts])
    wanted = read(statement).weights
    against: list[tuple[float, int]] = []
    for n, (belief, text, (_, _, cosine)) in enumerate(zip(beliefs, texts, places, strict=True)):
        shared = share_in(wanted, read(text).types)
        score = log_odds(belief.contradicted) - SUPPORT_COST * log_odds(belief.supported)
        score += CLOSENESS_WORTH * cosine + SHARED_WORTH * shared
        if score < AGAINST_ABOVE - RULE_WORTH or (shared >= SAYS_IT and not _rules_doubt(statement, text)):
            continue
        if score >= AGAINST_ABOVE or _rules_oppose(statement, text):
            against.append((-score, n))
    chosen = [places[n] for _, n in sorted(against)[: MAX_AGAINST[length]]]
    found = [(hit, hit.chunk.sentences[at]) for hit, at, _ in chosen]
    return Quoted(quotations(found, numbering)) if found else None


def disagreement(
    claims: Sequence[Claim],
    hits: Sequence[Hit],
    evidence: Evidence,
    model: ClaimModel,
    embed: Callable[[str], FloatArray],
    numbering: Numbering,
) -> Abstention | None:
    """If a quote and a sentence of another paper, ranked nearly as high, say opposite things: both sides.

    ``embed`` gives the unit vector of a text; those stored know each sentence's title too, and with it lie too near.
    """
    least = evidence.sentences[0].score - BESIDE_WITHIN if evidence.sentences else math.inf
    quoted = [(_hit_of(claim, hits), span) for claim in claims if (span := claim.citations[0].span) is not None]
    ranked = [(hits[one.hit], one.span) for one in evidence.sentences[:MAX_BESIDE] if one.score >= least]
    pairs = [
        (one, another)
        for n, one in enumerate(quoted)
        for another in quoted[n + 1 :] + [place for place in ranked if place not in quoted]
        if one[0].paper.paper_id != another[0].paper.paper_id
    ]
    if not pairs:
        return None
    texts = {place: _text(place) for pair in pairs for place in pair}
    vectors = {place: embed(text) for place, text in texts.items()}
    close = [(pair, cosine) for pair in pairs if (cosine := float(vectors[pair[0]] @ vectors[pair[1]])) >= SAME_SUBJECT]
    there = model.beliefs([(texts[one], (texts[another],)) for (one, another), _ in close])
    back = model.beliefs([(texts[another], (texts[one],)) for (one, another), _ in close])
    for ((one, another), cosine), *beliefs in zip(close, there, back, strict=True):
        if _oppose(texts[one], texts[another], cosine, *beliefs):
            both = quotations([one, another], numbering)
            return Abstention("disagreement", "The abstracts disagree on that. Both sides:", both)
    return None


def in_words(both: Abstention) -> str:
    """The two sides as a note beside an answer that does not speak of them."""
    one, another = (f"“{' '.join(claim.text.split())}” ({claim.citations[0].title})" for claim in both.claims)
    return f"The abstracts seem to disagree: {one} and {another}"


def _oppose(one: str, another: str, cosine: float, there: Belief, back: Belief) -> bool:
    if (there.contradicted + back.contradicted) / 2 >= OPPOSED_ABOVE:
        return True
    if cosine < SAME_WORDS and max(there.contradicted, back.contradicted) < OPPOSED_WITH_RULE:
        return False
    return _rules_oppose(one, another) or _rules_oppose(another, one)


def _rules_oppose(statement: str, text: str) -> bool:
    findings = by_rules(compare(statement, [text])).findings
    return any(finding.contradicts and finding.rule not in LEFT_TO_THE_MODEL for finding in findings)


def _rules_doubt(statement: str, text: str) -> bool:
    """As ``_rules_oppose``, by the weaker rules too, and either way."""
    both = (compare(statement, [text]), compare(text, [statement]))
    return any(finding.contradicts for comparison in both for finding in by_rules(comparison).findings)


def _nearest(hit: Hit, vector: FloatArray) -> list[tuple[int, float]]:
    """Places and cosines of the sentences nearest to ``vector``, in the abstract's order."""
    if hit.sentence_vectors is None:
        return [(at, SAME_SUBJECT) for at in range(len(hit.chunk.sentences))]
    cosines = hit.sentence_vectors @ vector
    return [(int(at), float(cosines[at])) for at in sorted(np.argsort(-cosines)[:NEAREST_READ])]


def _text(place: Place) -> str:
    hit, span = place
    return span.of(hit.paper.abstract)


def _hit_of(claim: Claim, hits: Sequence[Hit]) -> Hit:
    return next(hit for hit in hits if hit.chunk.chunk_id == claim.citations[0].chunk_id)

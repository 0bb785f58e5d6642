"""Direction: increase or decrease, outperform or underperform, before or after, more or less than."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rag.judge.alignment import Edit
from rag.judge.comparison import Comparison
from rag.judge.judgement import Finding
from rag.judge.reading import Token, share_in
from rag.judge.words import word_set

# Each axis with its two poles. A word may stand on several axes: 'higher' rises and is large.
_AXES: dict[str, tuple[str, str]] = {
    "amount": (
        "increase increases increased increasing increasingly rise rises rose risen rising grow grows grew "
        "grown growing "
        "growth raise raises raised raising boost boosts boosted boosting elevate elevates elevated elevating amplify "
        "amplifies amplified amplifying expand expands expanded augment augments augmented enlarge enlarges upregulate "
        "upregulates upregulated upregulation escalate climb climbs climbed gain gains gained up higher more greater "
        "enhance enhances enhanced enhancing enhancement multiply accelerate accelerates accelerated strengthen "
        "strengthens strengthened heighten heightens heightened larger increment intensify intensifies intensified",
        "decrease decreases decreased decreasing reduce reduces reduced reducing reduction reductions decline declines "
        "declined declining drop drops dropped dropping fall falls fell fallen falling diminish diminishes diminished "
        "shrink shrinks shrank shrinking lower lowers lowered lowering less fewer lessen cut cuts cutting attenuate "
        "attenuates attenuated downregulate downregulates downregulated downregulation minimize minimizes minimized "
        "suppress suppresses suppressed weaken weakens weakened slow slows slowed deplete depleted down smaller "
        "mitigate mitigates mitigated alleviate alleviates alleviated curtail dampen shorten shortens shortened lose",
    ),
    "quality": (
        "improve improves improved improving improvement improvements better best superior enhance enhances enhanced "
        "outperform outperforms outperformed outperforming surpass surpasses surpassed surpassing exceed exceeds "
        "exceeded exceeding beat beats win wins advance advances benefit benefits beneficial help helps ameliorate "
        "ameliorates favorable favourable strong stronger strongest excel excels gain",
        "worsen worsens worsened worsening worse worst degrade degrades degraded degrading degradation inferior impair "
        "impairs impaired impairing impairment deteriorate deteriorates deteriorated underperform underperforms "
        "underperformed underperforming harm harms harmed hurt hurts damage lag lags lagged trail trails trailed poor "
        "poorer hinder hinders hindered undermine undermines undermined detrimental harmful weak weaker weakest "
        "compromise compromises",
    ),
    "time": (
        "before prior earlier precede precedes preceded preceding pre first initially",
        "after following later follow follows followed subsequently post afterwards thereafter last finally",
    ),
    "speed": (
        "fast faster fastest quick quicker quickly rapid rapidly accelerate accelerates accelerated speedup",
        "slow slower slowest slowly gradual gradually decelerate decelerates slowdown",
    ),
    "level": (
        "high higher highest large larger largest great greater greatest big bigger more most maximum maximal maximize "
        "maximizes upper above over abundant many high-level rich",
        "low lower lowest small smaller smallest little less least minor minimum minimal minimize minimizes lower "
        "below under scarce few fewer fewest sparse",
    ),
    "length": (
        "long longer longest wide wider deep deeper tall",
        "short shorter shortest narrow narrower shallow shallower",
    ),
    "sign": ("positive positively positives favorable", "negative negatively negatives adverse"),
    "effect": (
        "promote promotes promoted promoting activate activates activated activating activation stimulate stimulates "
        "stimulated induce induces induced inducing induction facilitate facilitates facilitated enable "
        "enables enabled "
        "trigger triggers triggered cause causes caused encourage encourages allow allows allowed permit permits "
        "agonist agonists drive drives enhance enhances enhanced support supports",
        "inhibit inhibits inhibited inhibiting inhibition inhibitor block blocks blocked blocking prevent prevents "
        "prevented preventing repress represses repressed suppress suppresses suppressed suppressing suppression "
        "hinder hinders hindered discourage discourages disable disables disabled impede impedes impeded forbid "
        "prohibit prohibits antagonist antagonists deactivate deactivates inactivate inactivates inactivated protect "
        "protects reduce reduces deter",
    ),
    "presence": (
        "with presence present including include includes included",
        "without absence absent excluding exclude excludes excluded",
    ),
    "ease": ("easy easier easiest easily simple simpler simplest", "hard harder hardest difficult complex complicated"),
    "cost": ("cheap cheaper inexpensive", "expensive costly"),
    "bound": ("least minimum", "most maximum"),
    "outcome": (
        "success successful successfully succeed succeeds succeeded",
        "failure unsuccessful unsuccessfully fail fails failed",
    ),
    "stance": (
        "support supports supported supporting confirm confirms confirmed confirming corroborate accept "
        "accepts accepted agree agrees",
        "refute refutes refuted contradict contradicts contradicted oppose opposes opposed reject rejects "
        "rejected disprove disagree disagrees",
    ),
    "risk": ("susceptible susceptibility vulnerable sensitive", "resistant resistance immune robust"),
    "polarity": ("always", "never"),
    "frequency": (
        "frequent frequently common commonly often widespread abundant",
        "rare rarely infrequent uncommon seldom scarce",
    ),
    "steadiness": ("robust robustly stable stably reliable reliably", "fragile brittle unstable unreliable"),
    "thrift": ("efficient efficiently", "inefficient inefficiently wasteful"),
    "likelihood": ("likely probable", "unlikely improbable"),
    "similarity": (
        "similar similarly same identical equal equally alike",
        "different differently dissimilar distinct unequal",
    ),
    "place": ("inside internal within inner in-distribution", "outside external beyond outer out-of-distribution"),
    "certainty": ("certain known understood", "uncertain unknown unclear"),
    "order": (
        "former ascending increasing forward start begin begins began beginning",
        "latter descending decreasing backward end ends ended ending",
    ),
    "half": ("majority", "minority"),
    "number": ("single one mono unique", "multi multiple several many"),
    "right": ("correct right true accurate", "wrong incorrect false inaccurate"),
    "plainness": ("parsimonious minimal plain", "complex elaborate redundant"),
    "degree": ("mild slight weak moderate", "strong severe heavy extreme"),
    "way": ("feedforward forward encoder input source upstream", "feedback backward decoder output target downstream"),
    "school": ("teacher", "student"),
    "scale": ("macro global coarse", "micro local fine"),
    "sort": ("symmetric symmetrical", "asymmetric asymmetrical"),
    "kind": (
        "convex continuous dense offline static global explicit explicitly upper hot warm",
        "concave discrete sparse online dynamic local implicit implicitly lower cold cool",
    ),
}
_POLES: dict[str, dict[str, int]] = {}
for _axis, _both in _AXES.items():
    for _sign, _words in zip((1, -1), _both, strict=True):
        for _word in _words.split():
            _POLES.setdefault(_word, {})[_axis] = _sign

_BETWEEN = word_set("intermediate medium moderate middle")

COMPARING = word_set(
    "than outperform outperforms outperformed outperforming surpass surpasses surpassed exceed exceeds exceeded beat "
    "beats underperform underperforms before after precede precedes follow follows over above below under cause causes "
    "versus"
)


def are_opposites(one: str, other: str) -> bool:
    """Whether two words, in lower case, stand on two sides of an axis; 'intermediate' is neither high nor low."""
    mine, theirs = _POLES.get(one, {}), _POLES.get(other, {})
    if (one in _BETWEEN) != (other in _BETWEEN):
        return "level" in mine or "level" in theirs
    return any(theirs.get(axis) == -sign for axis, sign in mine.items())


def is_pole(word: str) -> bool:
    """Whether a word, in lower case, stands on any axis."""
    return word in _POLES or word in _BETWEEN


def poles(tokens: Sequence[Token]) -> dict[str, set[int]]:
    """The axes that these words stand on, with the sides taken."""
    found: dict[str, set[int]] = {}
    for _, axis, sign in _standing(tokens):
        found.setdefault(axis, set()).add(sign)
    return found


def _standing(tokens: Sequence[Token]) -> Iterator[tuple[Token, str, int]]:
    """Each word that stands on an axis, once an axis, with its side; 'with no' stands where 'without' does."""
    for at, token in enumerate(tokens):
        word = token.lower
        if word == "with" and at + 1 < len(tokens) and tokens[at + 1].lower in ("no", "neither"):
            word = "without"
        for axis, sign in _POLES.get(word, {}).items():
            yield token, axis, sign


def direction_changed(comparison: Comparison) -> list[Finding]:
    """Where the claim follows its source word for word, a word replaced by its opposite."""
    if not comparison.alignment.is_close:
        return []
    findings = []
    for edit in comparison.alignment.edits:
        if not edit.claim or len(edit.claim) > 8 or len(edit.source) > 10:
            continue
        source = edit.source
        if not edit.inner and edit.before is not None:
            source = source[: len(edit.claim) + 2]
        elif not edit.inner:
            source = source[-len(edit.claim) - 2 :]
        found = opposed(edit.claim, source) or _opposed_at_large(edit.claim, source, _following(comparison, edit))
        if found and not _denied(edit.claim) ^ _denied(source):
            mine, theirs = found
            findings.append(
                Finding(
                    "direction_changed",
                    f"it says '{mine.text}' where the source says '{theirs.text}'",
                    contradicts=True,
                    sentence=edit.sentence,
                )
            )
    return findings


def direction_differs(comparison: Comparison) -> list[Finding]:
    """A claim in other words whose directions are all opposite to those around the same words in a source sentence."""
    alignment = comparison.alignment
    if alignment.is_close or alignment.nearest < 0 or alignment.nearest_share < 0.35:
        return []
    source = comparison.evidence[alignment.nearest].tokens
    claim = comparison.claim.tokens
    here, there = poles(claim), poles(source)
    against = [axis for axis in here if axis in there and not here[axis] & there[axis] and axis in _TELLING_AXES]
    along = [axis for axis in here if axis in there and here[axis] & there[axis]]
    if not against or along or _denied(claim) ^ _denied(source):
        return []
    found = opposed(claim, source)
    if not found:
        return []
    mine, theirs = found
    return [
        Finding(
            "direction_differs",
            f"it says '{mine.text}', the nearest sentence '{theirs.text}'",
            contradicts=True,
            sentence=alignment.nearest,
        )
    ]


def relation_turned(comparison: Comparison) -> list[Finding]:
    """'It grows when tasks are more similar' for 'it increases when tasks are more dissimilar': one side turned."""
    alignment = comparison.alignment
    if alignment.nearest < 0 or alignment.nearest_share < 0.35:
        return []
    source = comparison.evidence[alignment.nearest].tokens
    claim = comparison.claim.tokens
    here, there = poles(claim), poles(source)
    both = [axis for axis in here if axis in there and axis in ("amount", "quality", "similarity")]
    turned = [axis for axis in both if not here[axis] & there[axis]]
    if turned != ["similarity"] or len(both) < 2 or _denied(claim) ^ _denied(source):
        return []
    mine, theirs = (next(t for t, axis, _ in _standing(one) if axis == "similarity") for one in (claim, source))
    if _is_lessened(claim, mine) != _is_lessened(source, theirs):
        return []  # 'less alike' is 'more dissimilar'
    reason = f"it says '{mine.text}', the nearest sentence '{theirs.text}'"
    return [Finding("relation_turned", reason, contradicts=True, sentence=alignment.nearest)]


def _is_lessened(tokens: Sequence[Token], word: Token) -> bool:
    at = tokens.index(word)
    return at > 0 and tokens[at - 1].lower in ("less", "least", "hardly", "not")


def roles_swapped(comparison: Comparison) -> list[Finding]:
    """'A outperforms B' for 'B outperforms A': the same words, with the two sides of a comparison exchanged."""
    alignment = comparison.alignment
    if alignment.nearest < 0 or alignment.nearest_share < 0.8:
        return []
    source = comparison.evidence[alignment.nearest].tokens
    for at, token in enumerate(comparison.claim.tokens):
        if token.lower not in COMPARING:
            continue
        places = [there for there, other in enumerate(source) if other.key == token.key]
        if len(places) != 1:
            continue
        left, right = _sides(comparison.claim.tokens, at)
        source_left, source_right = _sides(source, places[0])
        from_right = (left & source_right) - source_left - right
        from_left = (right & source_left) - source_right - left
        if from_right and from_left:
            reason = f"the two sides of '{token.text}' are exchanged"
            return [Finding("roles_swapped", reason, contradicts=True, sentence=alignment.nearest)]
    return []


def level_raised(comparison: Comparison) -> list[Finding]:
    """'outperforms X' where the evidence only has 'matches X' or 'is comparable to X'."""
    for at, token in enumerate(comparison.claim.tokens):
        if token.lower not in _BETTER:
            continue
        wanted = {t.key: t.weight for t in comparison.claim.tokens[at + 1 : at + 1 + _REACH] if t.weight > 0}
        if not wanted:
            continue
        equal = _spoken_of(comparison, _EQUAL, wanted)
        if equal is not None and _spoken_of(comparison, _BETTER, wanted) is None:
            sentence, word = equal
            reason = f"it says '{token.text}' where the source says '{word.text}'"
            return [Finding("level_raised", reason, contradicts=True, sentence=sentence)]
    return []


def _spoken_of(comparison: Comparison, verbs: frozenset[str], wanted: dict[str, float]) -> tuple[int, Token] | None:
    """The sentence, and the first of these words in it, that is followed by most of what is wanted."""
    for index, reading in enumerate(comparison.evidence):
        for at, token in enumerate(reading.tokens):
            if token.lower in verbs:
                following = {t.key for t in reading.tokens[at + 1 : at + 2 + _REACH]}
                if share_in(wanted, following) > 0.5:
                    return index, token
    return None


_BETTER = word_set(
    "outperform outperforms outperformed outperforming surpass surpasses surpassed surpassing exceed exceeds exceeded "
    "exceeding beat beats beating better superior"
)
_EQUAL = word_set("match matches matched matching comparable comparably par competitive equals equal similar")
_REACH = 5
"""Words after such a word in which what is compared with is named."""

_TELLING_AXES = word_set("amount quality effect sign speed time outcome likelihood risk")


def _sides(tokens: Sequence[Token], at: int, reach: int = 5) -> tuple[set[str], set[str]]:
    left = {token.key for token in tokens[max(0, at - reach) : at] if token.weight > 0}
    right = {token.key for token in tokens[at + 1 : at + 1 + reach] if token.weight > 0}
    return left, right


def opposed(mine: Sequence[Token], theirs: Sequence[Token]) -> tuple[Token, Token] | None:
    """The first word here and there that stand on the two sides of one axis; None if a side here is also there."""
    there = poles(theirs)
    for token, axis, sign in _standing(mine):
        if axis in there and sign not in there[axis]:
            return token, next(other for other, its, side in _standing(theirs) if (its, side) == (axis, -sign))
    return None


def _opposed_at_large(
    mine: Sequence[Token], theirs: Sequence[Token], after: Sequence[Token]
) -> tuple[Token, Token] | None:
    """'decreases accuracy' for 'improves accuracy': opposites on different axes, at one and the same place.

    Not where what follows is a thing that one wants less of: to reduce an error is to improve it.
    """
    if not after or any(t.lower in _UNWANTED for t in (*after, *mine, *theirs)):
        return None
    here, there = _merged(mine), _merged(theirs)
    if not here or not there or {sign for _, sign in here} & {sign for _, sign in there}:
        return None
    return here[0][0], there[0][0]


def _following(comparison: Comparison, edit: Edit) -> Sequence[Token]:
    """The four words of the claim after the edit; none at its end."""
    start = edit.after.start if edit.after else None
    return [token for token in comparison.claim.tokens if start is not None and token.start >= start][:4]


def _merged(tokens: Sequence[Token]) -> list[tuple[Token, int]]:
    return [(token, sign) for token, axis, sign in _standing(tokens) if axis in ("amount", "quality", "effect")]


_UNWANTED = word_set(
    "error errors cost costs loss losses time times latency overhead memory complexity noise risk risks bias biases "
    "variance regret energy consumption runtime burden mortality artifacts gap gaps delay uncertainty hallucination "
    "hallucinations toxicity perplexity forgetting interference redundancy"
)


def _denied(tokens: Sequence[Token]) -> bool:
    return (
        sum(
            token.lower in ("not", "no", "never", "neither", "nor", "without", "fails", "failed", "fail")
            for token in tokens
        )
        % 2
        == 1
    )

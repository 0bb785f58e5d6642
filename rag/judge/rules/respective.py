"""What the source pairs by 'respectively', or '(resp. ...)', paired otherwise in the claim."""

from __future__ import annotations

import itertools

from rag.judge.comparison import Comparison
from rag.judge.judgement import Finding
from rag.judge.respective import named_in, pairings
from rag.judge.rules.negation import DENYING


def paired_otherwise(comparison: Comparison) -> list[Finding]:
    """'87 % on CIFAR-10' where the source has '92 % and 87 % on CIFAR-10 and ImageNet, respectively'."""
    claim = comparison.claim
    if any(token.lower in DENYING for token in claim.tokens):
        return []
    for index, source in enumerate(comparison.evidence):
        for pairing in pairings(source.text):
            for (one, places), (other, others) in itertools.combinations(named_in(claim.tokens, pairing).items(), 2):
                if len(places) == len(others) and places != others:
                    at, theirs = next((at, its) for at, its in zip(places, others, strict=True) if at != its)
                    own, right, said = (
                        span.of(source.text)
                        for span in (pairing.items[one][at], pairing.items[other][at], pairing.items[other][theirs])
                    )
                    reason = f"the source says '{right}' of '{own}', the claim '{said}'"
                    return [Finding("paired_otherwise", reason, contradicts=True, sentence=index)]
    return []

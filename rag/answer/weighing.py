"""Whether a model's word stands: weighed with what the search found and with what the check says of it.

A large model reads whole abstracts, and is believed when it declines. A small one is shown a
few sentences, answers from whatever stands there, and declines where it should not: for it
the search decides, as it does in quoting mode, and where its own words fail the abstracts'
own stand in for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer import quoting
from rag.conversation import Wanted
from rag.llm import LanguageModel
from rag.retrieval.evidence import Evidence
from rag.types import Claim, Hit

NO_USE_IN_ASKING = -4.0
"""Below these log-odds of an answer, with no paper near the question, no model is asked."""

SURE_ABOVE = 1.0
"""Log-odds of an answer from which a small model that declines is not believed."""


def is_small(model: LanguageModel) -> bool:
    """Whether the model is shown sentences only, not abstracts."""
    return model.evidence == "sentences"


def is_worth_asking(
    wanted: Wanted, hits: Sequence[Hit], evidence: Evidence, model: LanguageModel, answers_above: float
) -> bool:
    """False if no model can know: nothing was found, or too little of it answers."""
    if not hits:
        return False
    if wanted.kind == "answer" and is_small(model):
        return quoting.is_enough(evidence.log_odds, answers_above)
    if wanted.about or evidence.log_odds >= NO_USE_IN_ASKING:
        return True
    return quoting.is_near(wanted.question, hits)


def why_quote_instead(
    wanted: Wanted, evidence: Evidence, model: LanguageModel, *, declined: bool, claims: Sequence[Claim]
) -> str | None:
    """Why the abstracts are quoted in place of what a small model wrote; None if its answer stands."""
    if wanted.kind != "answer" or not is_small(model):
        return None
    if declined:
        sure = evidence.log_odds >= SURE_ABOVE
        return "The model found no answer; the sentences that come nearest are quoted." if sure else None
    if claims and all(claim.verdict not in ("supported", "unchecked") for claim in claims):
        return "Nothing that the model wrote passed the check; the abstracts are quoted instead."
    return None

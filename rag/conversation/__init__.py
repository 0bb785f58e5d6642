"""From a turn of a conversation to what is wanted, standing alone.

Answers rest only on freshly found text, so what was said before serves one purpose: to
know what 'it', 'the second one', 'without [2]' and 'shorter' mean.
"""

from rag.conversation.pointing import last_topic, numbered, papers_meant, points_back, points_nowhere, standalone
from rag.conversation.rewriting import Rewriter
from rag.conversation.wishes import Wanted, is_only_for_papers, understand

__all__ = [
    "Rewriter",
    "Wanted",
    "is_only_for_papers",
    "last_topic",
    "numbered",
    "papers_meant",
    "points_back",
    "points_nowhere",
    "standalone",
    "understand",
]

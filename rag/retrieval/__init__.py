"""From a question to the papers and sentences that answer it.

    question -> dense and lexical hits -> fused -> their sentences ranked and read again -> hits and evidence

``searching`` tells it from end to end; ``settings`` says what takes part.
"""

from rag.retrieval.searching import Found, embed, look, papers_of, search
from rag.retrieval.settings import CONFIGURATIONS, SearchSettings

__all__ = ["CONFIGURATIONS", "Found", "SearchSettings", "embed", "look", "papers_of", "search"]

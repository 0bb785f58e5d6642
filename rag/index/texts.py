"""What is embedded for a chunk and for a sentence, in one place.

A change here changes the vectors: raise ``records.LAYOUT`` with it, so that libraries
made before say so instead of comparing unlike with unlike.
"""

from __future__ import annotations

from rag.types import Chunk, Paper, Span


def chunk_text_for_embedding(paper: Paper, chunk: Chunk) -> str:
    """The title, then the chunk's own text; a chunk from the middle would not name its subject."""
    return f"{paper.title}\n{chunk.span.of(paper.abstract)}" if paper.title else chunk.span.of(paper.abstract)


def sentence_text_for_embedding(paper: Paper, sentence: Span) -> str:
    """The title, then the sentence, so that 'it' and 'our method' keep what they stand for."""
    return f"{paper.title}. {sentence.of(paper.abstract)}" if paper.title else sentence.of(paper.abstract)

"""Our papers and chunks as llama-index nodes. Only this module imports llama-index's core, which is slow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from llama_index.core.node_parser import NodeParser
from llama_index.core.schema import BaseNode, MetadataMode, NodeRelationship, ObjectType, RelatedNodeInfo, TextNode

from rag.chunks import split
from rag.papers import paper_id_for
from rag.types import Chunk, Paper


def to_nodes(paper: Paper, chunks: Sequence[Chunk]) -> list[TextNode]:
    """One node per chunk, in order; its id is the chunk's id and its source the paper.

    ``metadata`` is flat, as vector stores need it: what is not known is left out, authors
    are joined by "; ", and ``sentences`` is JSON text of ``[start, end]`` pairs into the
    abstract, as ``start_char_idx`` is. Embedded is the title and the chunk, nothing else.
    """
    source = RelatedNodeInfo(
        node_id=paper.paper_id, node_type=ObjectType.DOCUMENT, hash=paper.content_hash, metadata={"title": paper.title}
    )
    return [_node(paper, chunk, source) for chunk in chunks]


def _node(paper: Paper, chunk: Chunk, source: RelatedNodeInfo) -> TextNode:
    known: dict[str, str | int | None] = {
        "title": paper.title,
        "paper_id": paper.paper_id,
        "authors": "; ".join(paper.authors) or None,
        "year": paper.year,
        "venue": paper.venue,
        "url": paper.url,
        "doi": paper.doi,
        "arxiv_id": paper.arxiv_id,
        "ordinal": chunk.ordinal,
        "n_tokens": chunk.n_tokens,
        "sentences": json.dumps([[s.start, s.end] for s in chunk.sentences], separators=(",", ":")),
    }
    metadata = {key: value for key, value in known.items() if value is not None}
    return TextNode(
        id_=chunk.chunk_id,
        text=chunk.span.of(paper.abstract),
        start_char_idx=chunk.span.start,
        end_char_idx=chunk.span.end,
        metadata=metadata,
        excluded_embed_metadata_keys=[key for key in metadata if key != "title"],
        excluded_llm_metadata_keys=["paper_id", "ordinal", "n_tokens", "sentences"],
        metadata_template="{value}",
        text_template="{metadata_str}\n\n{content}",
        relationships={NodeRelationship.SOURCE: source},
    )


class AbstractNodeParser(NodeParser):
    """Splits llama-index documents as `split` splits abstracts, for use in an ingestion pipeline.

    A document's text is the abstract; of its metadata ``title``, ``paper_id``, ``doi``,
    ``arxiv_id`` and ``pmid`` are read where they are text. Without any of them the
    document's own id identifies the paper. A blank document gives no nodes.
    """

    max_tokens: int = 400

    @classmethod
    def class_name(cls) -> str:
        return "AbstractNodeParser"

    def _parse_nodes(self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any) -> list[BaseNode]:
        return [parsed for node in nodes for parsed in self._parsed(node)]

    def _postprocess_parsed_nodes(self, nodes: list[BaseNode], parent_doc_map: Any) -> list[BaseNode]:
        """As the parent does it, with our own offsets put back: it looks for a chunk's text and
        takes the first place where it stands, which is wrong for an abstract that repeats itself."""
        offsets = [(node.start_char_idx, node.end_char_idx) for node in nodes if isinstance(node, TextNode)]
        finished = super()._postprocess_parsed_nodes(nodes, parent_doc_map)
        for node, (start, end) in zip(finished, offsets, strict=True):
            if isinstance(node, TextNode):
                node.start_char_idx, node.end_char_idx = start, end
                # The document's own metadata came in; it is not embedded either.
                node.excluded_embed_metadata_keys = [key for key in node.metadata if key != "title"]
        return finished

    def _parsed(self, node: BaseNode) -> list[TextNode]:
        known = {key: value for key, value in node.metadata.items() if isinstance(value, str) and value.strip()}
        title = known.get("title", "")
        doi, arxiv_id, pmid = known.get("doi"), known.get("arxiv_id"), known.get("pmid")
        derived = paper_id_for(title, doi=doi, arxiv_id=arxiv_id, pmid=pmid)
        is_named = bool(title) or not derived.startswith("title:")
        paper = Paper(
            paper_id=known.get("paper_id") or (derived if is_named else node.node_id),
            title=title,
            abstract=node.get_content(metadata_mode=MetadataMode.NONE),
        )
        parsed = to_nodes(paper, split(paper, max_tokens=self.max_tokens))
        for each in parsed:
            each.relationships[NodeRelationship.SOURCE] = node.as_related_node_info()
            if not title:
                del each.metadata["title"]
        return parsed

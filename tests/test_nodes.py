"""llama-index sees our chunks as nodes, and can split its own documents our way."""

import json

from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.schema import Document, MetadataMode, NodeRelationship

from rag.chunks import split
from rag.llama.nodes import AbstractNodeParser, to_nodes
from rag.types import Paper

ABSTRACT = "  " + "We repeat ourselves. " * 30 + "It {works}."
PAPER = Paper("arxiv:2305.12345", "A title: with {braces}", ABSTRACT, authors=("Ada L.", "Bo K."), year=2023)


def test_a_node_is_its_chunk_and_points_to_its_paper():
    chunks = split(PAPER, max_tokens=40)
    nodes = to_nodes(PAPER, chunks)
    assert [n.node_id for n in nodes] == [c.chunk_id for c in chunks]
    for node, chunk in zip(nodes, chunks, strict=True):
        assert node.text == ABSTRACT[node.start_char_idx : node.end_char_idx] == chunk.span.of(ABSTRACT)
        assert json.loads(node.metadata["sentences"]) == [[s.start, s.end] for s in chunk.sentences]
        assert node.ref_doc_id == "arxiv:2305.12345"
        assert node.metadata["authors"] == "Ada L.; Bo K."
        assert "venue" not in node.metadata
        assert all(isinstance(value, str | int | float) for value in node.metadata.values())


def test_what_is_embedded_is_title_and_text_alone():
    (node,) = to_nodes(PAPER, split(PAPER))
    assert node.get_content(MetadataMode.EMBED) == f"A title: with {{braces}}\n\n{ABSTRACT.strip()}"
    assert "sentences" not in node.get_content(MetadataMode.LLM)
    assert to_nodes(PAPER, ()) == []


def test_the_parser_gives_the_same_nodes_in_a_pipeline():
    document = Document(
        text=ABSTRACT, metadata={"title": PAPER.title, "paper_id": PAPER.paper_id, "shelf": "left"}, id_="doc"
    )
    nodes = IngestionPipeline(transformations=[AbstractNodeParser(max_tokens=40)]).run(documents=[document])
    expected = to_nodes(PAPER, split(PAPER, max_tokens=40))
    assert [n.node_id for n in nodes] == [n.node_id for n in expected]
    # The abstract repeats one sentence: looking a chunk's text up in it would give wrong places.
    assert [(n.start_char_idx, n.end_char_idx) for n in nodes] == [(n.start_char_idx, n.end_char_idx) for n in expected]
    assert [n.get_content(MetadataMode.EMBED) for n in nodes] == [n.get_content(MetadataMode.EMBED) for n in expected]
    assert all(n.ref_doc_id == "doc" and n.metadata["shelf"] == "left" for n in nodes)
    assert nodes[1].relationships[NodeRelationship.PREVIOUS].node_id == nodes[0].node_id


def test_a_document_without_metadata_is_known_by_its_own_id_and_a_blank_one_gives_nothing():
    parser = AbstractNodeParser()
    (node,) = parser.get_nodes_from_documents([Document(text="We learn.", id_="doc-7")])
    assert node.node_id.startswith("doc-7#")
    assert node.get_content(MetadataMode.EMBED).strip() == "We learn."
    assert parser.get_nodes_from_documents([Document(text="  ")]) == []

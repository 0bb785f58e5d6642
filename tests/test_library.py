"""The library on disk with real SQLite, Chroma and tantivy, and a stand-in embedding."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hashing import HashingEmbedder, kelp_paper
from library_state import EVERYTHING, everywhere, reachable

from rag.adding import AddReport
from rag.errors import LibraryBusy, LibraryError, LibraryMismatch, UnknownPaper
from rag.index.chroma import FloatArray
from rag.index.vectors import EmbeddedVectors, folder_of
from rag.library import Library
from rag.types import Paper, Skipped


@pytest.fixture
def embedder() -> HashingEmbedder:
    return HashingEmbedder()


@pytest.fixture
def library(tmp_path: Path, embedder: HashingEmbedder) -> Iterator[Library]:
    with Library.open(tmp_path / "library", embedder=embedder) as library:
        yield library


def test_a_library_that_does_not_exist_reads_as_empty_and_is_not_made(tmp_path: Path) -> None:
    with Library.open(tmp_path / "none") as library:
        assert len(library) == 0
        assert list(library.papers()) == []
        assert library.revision == 0
        assert library.fingerprint is None
        assert library.verify() == []
        found = library.candidates(vector=np.ones(3, np.float32), text="kelp", k=5)
        assert (found.dense, found.lexical, dict(found.chunks)) == ([], [], {})
        with pytest.raises(UnknownPaper):
            library.paper("p1")
        with pytest.raises(UnknownPaper):
            library.remove(["p1"])
    assert list(tmp_path.iterdir()) == []


def test_papers_come_back_whole_and_in_order(library: Library) -> None:
    full = Paper(
        "z", "Kelp: \u201cfast\u201d\x00 \ud800?", "  One kelp.\r\nTwo \u2028 kelp \ud800. \U0001f41f ",
        ("A. Author", "B. \udfff Author"), 2024, "Sea", "https://x.test/z", "10.1/z", "2401.00001", "a.jsonl",
    )  # fmt: skip
    bare = kelp_paper(1)
    library.add([full, bare])
    assert list(library.papers()) == [full, bare]
    assert library.paper("z") == full
    assert "z" in library and "y" not in library
    assert everywhere(library, "z", "p1")


def test_the_same_input_twice_changes_nothing_and_says_so(library: Library, embedder: HashingEmbedder) -> None:
    papers = [kelp_paper(n) for n in range(5)]
    assert library.add(papers) == AddReport(added=5, n_papers=5)
    revision, calls = library.revision, len(embedder.calls)
    assert library.add(papers) == AddReport(unchanged=5, n_papers=5)
    assert (library.revision, len(embedder.calls)) == (revision, calls)
    again = [replace(papers[0], origin="another file"), papers[1]]
    assert library.add(again) == AddReport(duplicates=1, unchanged=1, n_papers=5)
    assert library.add(again) == AddReport(unchanged=2, n_papers=5)
    assert len(embedder.calls) == calls


def test_all_texts_of_a_batch_are_embedded_in_one_call_with_their_title(
    library: Library, embedder: HashingEmbedder
) -> None:
    library.add(
        [Paper("a", "Kelp", "It grows fast. It is eaten by urchins."), Paper("b", "Reefs", "Kelp is rare there.")]
    )
    assert len(embedder.calls) == 1
    assert "Kelp\nIt grows fast. It is eaten by urchins." in embedder.calls[0]
    assert "Kelp. It is eaten by urchins." in embedder.calls[0]


def test_an_edited_abstract_replaces_its_chunks_on_both_sides(library: Library) -> None:
    library.add([kelp_paper(1), kelp_paper(2)])
    report = library.add([Paper("p1", "Title", "Now kelp is about zebras.")])
    assert report == AddReport(updated=1, n_papers=2)
    found = library.candidates(vector=None, text="zebras", k=5)
    assert [found.chunks[i].paper.paper_id for i, _ in found.lexical] == ["p1"]
    assert library.candidates(vector=None, text="word1", k=5).lexical == []
    assert everywhere(library, "p1", "p2")


def test_new_details_of_a_paper_are_stored_without_embedding_again(library: Library, embedder: HashingEmbedder) -> None:
    library.add([kelp_paper(1)])
    calls = len(embedder.calls)
    assert library.add([replace(kelp_paper(1), year=1999)]) == AddReport(updated=1, n_papers=1)
    assert library.paper("p1").year == 1999
    assert len(embedder.calls) == calls
    assert everywhere(library, "p1")


def test_of_two_papers_with_one_id_in_one_input_the_last_stays(library: Library) -> None:
    other = Paper("p1", "Title", "Another kelp text.")
    assert library.add([kelp_paper(1), kelp_paper(1), other]) == AddReport(added=1, updated=1, duplicates=1, n_papers=1)
    assert library.paper("p1") == other
    assert everywhere(library, "p1")


def test_a_change_and_its_undoing_in_one_input_leave_the_first_text(library: Library) -> None:
    library.add([kelp_paper(1)])
    library.add([Paper("p1", "Title", "Another kelp text."), kelp_paper(1)])
    assert library.paper("p1") == kelp_paper(1)
    assert everywhere(library, "p1")


def test_papers_without_abstract_are_kept_and_counted(library: Library) -> None:
    report = library.add([Paper("empty", "No abstract", " \n"), kelp_paper(1)])
    assert report == AddReport(added=2, without_abstract=1, n_papers=2)
    assert library.paper("empty").abstract == " \n"
    assert reachable(library) == ({"p1"}, {"p1"})
    library.add([Paper("p1", "Title", "")])
    assert library.paper("p1").abstract == kelp_paper(1).abstract
    assert library.verify() == []


def test_skipped_parts_are_reported_and_a_paper_with_a_broken_id_is_one(library: Library) -> None:
    skipped = Skipped("a.jsonl", 3, "not JSON")
    report = library.add([skipped, kelp_paper(1), Paper("\ud800", "Title", "Kelp.", origin="b.jsonl")])
    assert (report.added, report.n_skipped, len(library)) == (1, 2, 1)
    assert report.skipped[0] == skipped
    assert report.skipped[1].origin == "b.jsonl"


def test_progress_is_reported_after_every_batch(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.adding.BATCH_PAPERS", 2)
    seen: list[AddReport] = []
    library.add((kelp_paper(n) for n in range(5)), on_progress=seen.append)
    assert [seen[at].added for at in range(len(seen)) if at == 0 or seen[at].added > seen[at - 1].added] == [2, 4, 5]
    assert [report.n_embedded for report in seen] == sorted(report.n_embedded for report in seen)
    assert (seen[0].n_embedded, seen[-1].n_embedded, seen[-1].n_chunks) == (0, 5, 5)


def test_remove_takes_papers_out_of_both_sides_and_gives_them_back(library: Library) -> None:
    library.add([kelp_paper(n) for n in range(4)])
    assert library.remove(["p2", "p0", "p2"]) == (kelp_paper(2), kelp_paper(0))
    assert everywhere(library, "p1", "p3")
    library.add([kelp_paper(2)])
    assert everywhere(library, "p1", "p2", "p3")


def test_remove_names_every_unknown_id_and_then_removes_nothing(library: Library) -> None:
    library.add([kelp_paper(1)])
    with pytest.raises(UnknownPaper, match=r"'x', 'y'"):
        library.remove(["x", "p1", "y"])
    assert everywhere(library, "p1")


def test_the_corpus_fingerprint_depends_on_content_and_not_on_order(tmp_path: Path, embedder: HashingEmbedder) -> None:
    papers = [kelp_paper(n) for n in range(3)]
    fingerprints = []
    for name, some in {"a": papers, "b": papers[::-1], "c": papers[:2]}.items():
        with Library.open(tmp_path / name, embedder=embedder) as library:
            library.add(some)
            fingerprints.append(library.corpus_fingerprint)
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_stored_vectors_are_those_of_the_texts(library: Library, embedder: HashingEmbedder) -> None:
    library.add([Paper("a", "Kelp", "It grows fast. It is eaten by urchins.")])
    question = embedder.embed(["Kelp\nIt grows fast. It is eaten by urchins."])[0]
    found = library.candidates(vector=question, text=None, k=1)
    (stored,) = found.chunks.values()
    assert found.dense[0][1] == pytest.approx(1.0, abs=1e-3)
    assert stored.vector == pytest.approx(question, abs=1e-3)
    expected = embedder.embed(["Kelp. It grows fast.", "Kelp. It is eaten by urchins."])
    assert stored.sentence_vectors == pytest.approx(expected, abs=1e-3)
    assert stored.sentence_vectors.dtype == np.float32
    assert [span.of(stored.paper.abstract) for span in stored.chunk.sentences] == [
        "It grows fast.", "It is eaten by urchins.",
    ]  # fmt: skip


def test_a_few_chunks_are_all_found_though_the_graph_may_not_lead_to_each(
    library: Library, embedder: HashingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add([kelp_paper(n) for n in range(40)])
    question = embedder.embed(["word17 kelp"])[0]
    whole = library.candidates(vector=question, text=None, k=10).dense
    walk, lost = EmbeddedVectors.query, whole[0][0]

    def lossy(vectors: EmbeddedVectors, vector: FloatArray, k: int, *, revision: int) -> list[tuple[str, float]]:
        return [hit for hit in walk(vectors, vector, k + 1, revision=revision) if hit[0] != lost][:k]

    monkeypatch.setattr(EmbeddedVectors, "query", lossy)
    found = library.candidates(vector=question, text=None, k=10).dense
    assert [score for _, score in found] == pytest.approx([score for _, score in whole], abs=2e-3)


def test_the_dense_side_ranks_by_cosine(library: Library, embedder: HashingEmbedder) -> None:
    papers = [kelp_paper(n) for n in range(60)]
    library.add(papers)
    question = embedder.embed(["word17 word30 kelp"])[0]
    found = library.candidates(vector=question, text=None, k=10)
    exact = sorted(
        (float(one.vector @ question) for one in library.candidates(vector=question, text=None, k=60).chunks.values()),
        reverse=True,
    )
    assert [score for _, score in found.dense] == pytest.approx(exact[:10], abs=2e-3)


def test_words_find_titles_endings_accents_and_nothing_else(library: Library) -> None:
    library.add([
        Paper("a", "Urchins", "Kelp was naïvely measured in 2021."),
        Paper("b", "Reefs", "Kelp was measuring nothing."),
        Paper("c", "Other", "Kelp and other things."),
    ])  # fmt: skip

    def ids(text: str) -> list[str]:
        found = library.candidates(vector=None, text=text, k=10)
        return [found.chunks[i].paper.paper_id for i, _ in found.lexical]

    assert ids("urchin") == ["a"]
    assert ids("NAIVELY") == ["a"]
    assert set(ids("measure")) == {"a", "b"}
    assert ids("2021?") == ["a"]
    assert ids("") == ids("?!") == ids("unheard") == []


@pytest.mark.parametrize(
    "text",
    [
        'title:kelp AND (OR "', "kelp\x00\ud800", "a" * 20_000, "kelp " * 4_000, '"kelp" "" "kelp kelp"', "chunk_id:*",
        " ".join(f"word{n}" for n in range(3_000)), "^~*?:\\/[]{}+-!", "深度学习 kelp \u202e",
    ],
)  # fmt: skip
def test_no_question_breaks_the_words(library: Library, text: str) -> None:
    library.add([kelp_paper(n) for n in range(3)])
    started = time.process_time()
    library.candidates(vector=None, text=text, k=10)
    assert time.process_time() - started < 2


def test_a_quoted_phrase_counts_more_than_its_words(library: Library) -> None:
    library.add([
        Paper("apart", "Sea", "The kelp there grows in no forest, and the forest there knows neither kelp nor sea."),
        Paper("phrase", "Sea", "The kelp forest grows quickly in cold water near many coasts of the world."),
    ])  # fmt: skip
    found = library.candidates(vector=None, text='what is a "kelp forest"?', k=2)
    assert found.chunks[found.lexical[0][0]].paper.paper_id == "phrase"


def test_a_long_question_keeps_its_rarest_words(library: Library) -> None:
    common = " ".join(f"common{n}" for n in range(80))
    library.add([Paper(f"c{n}", "Title", f"Kelp {common}.") for n in range(3)])
    library.add([Paper("rare", "Title", "Kelp meets aardvark.")])
    found = library.candidates(vector=None, text=f"{common} aardvark", k=10)
    assert "rare" in {found.chunks[i].paper.paper_id for i, _ in found.lexical}


def test_another_embedding_is_refused_with_what_to_do(tmp_path: Path, embedder: HashingEmbedder) -> None:
    with Library.open(tmp_path, embedder=embedder) as library:
        library.add([kelp_paper(1)])
    with Library.open(tmp_path, embedder=HashingEmbedder("other/2", n_dims=8)) as library:
        with pytest.raises(LibraryMismatch, match=r"'hashing/1'.*'other/2'.*new library"):
            library.add([kelp_paper(2)])
        with pytest.raises(LibraryMismatch):
            _ = library.embedder
        with pytest.raises(LibraryMismatch):
            library.candidates(vector=np.ones(8, np.float32), text="kelp", k=3)
        assert len(library) == 1
        assert len(library.candidates(vector=None, text="kelp", k=3).lexical) == 1


def test_a_newer_layout_is_refused(tmp_path: Path, embedder: HashingEmbedder) -> None:
    with Library.open(tmp_path, embedder=embedder) as library:
        library.add([kelp_paper(1)])
    with sqlite3.connect(tmp_path / "library.sqlite") as connection:
        connection.execute("UPDATE state SET layout = 99")
    connection.close()
    with pytest.raises(LibraryMismatch, match="upgrade"):
        Library.open(tmp_path)


def test_a_folder_of_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(LibraryError, match=r"thesis\.txt"):
        Library.open(tmp_path)
    with pytest.raises(LibraryError, match="is a file"):
        Library.open(tmp_path / "thesis.txt")
    assert [item.name for item in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("content", [b"not a database at all, just words and more words", b"sqlite"])
def test_a_file_that_only_has_the_name_of_the_records_is_refused(tmp_path: Path, content: bytes) -> None:
    if content == b"sqlite":
        with sqlite3.connect(tmp_path / "library.sqlite") as connection:
            connection.execute("CREATE TABLE theirs (x)")
        connection.close()
    else:
        (tmp_path / "library.sqlite").write_bytes(content)
    with pytest.raises(LibraryError):
        Library.open(tmp_path)


def test_a_copied_library_is_the_same_library(tmp_path: Path, embedder: HashingEmbedder) -> None:
    import shutil

    with Library.open(tmp_path / "one", embedder=embedder) as library:
        library.add([kelp_paper(1)])
    shutil.copytree(tmp_path / "one", tmp_path / "two", copy_function=shutil.copyfile)
    with Library.open(tmp_path / "two", embedder=embedder) as library:
        assert everywhere(library, "p1")


def test_llama_index_opens_the_same_collection(library: Library, embedder: HashingEmbedder) -> None:
    import chromadb
    from chromadb.config import Settings
    from llama_index.core.vector_stores.types import VectorStoreQuery
    from llama_index.vector_stores.chroma import ChromaVectorStore

    library.add([kelp_paper(n) for n in range(5)])
    folder = folder_of(library.path, library.state.generation)
    client = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
    with client:
        store = ChromaVectorStore(chroma_collection=client.get_collection("chunks", embedding_function=None))
        vector = embedder.embed(["word3 kelp"])[0].tolist()
        result = store.query(VectorStoreQuery(query_embedding=vector, similarity_top_k=5))
    assert result.nodes is not None and len(result.nodes) == 5
    assert result.ids is not None
    assert set(result.ids) == set(library.candidates(vector=None, text="kelp", k=5).chunks)


def test_a_long_lived_reader_sees_what_another_library_object_wrote(tmp_path: Path, embedder: HashingEmbedder) -> None:
    with Library.open(tmp_path, embedder=embedder) as reader, Library.open(tmp_path, embedder=embedder) as writer:
        writer.add([kelp_paper(1)])
        assert everywhere(reader, "p1")
        writer.add([kelp_paper(2)])
        assert everywhere(reader, "p1", "p2")
        writer.remove(["p1"])
        assert everywhere(reader, "p2")
        reader.add([kelp_paper(3)])
        assert everywhere(writer, "p2", "p3")
        writer.add([kelp_paper(4)])
        assert everywhere(reader, "p2", "p3", "p4")


def test_a_second_writer_waits_says_so_and_then_gives_up(tmp_path: Path, embedder: HashingEmbedder) -> None:
    waits: list[str] = []
    with Library.open(tmp_path, embedder=embedder) as first, Library.open(tmp_path, embedder=embedder) as second:

        def second_writer(report: AddReport) -> None:
            if waits:
                return
            with pytest.raises(LibraryBusy, match="another process is writing"):
                second.add([kelp_paper(2)], wait_seconds=0.2, on_wait=lambda: waits.append("waiting"))
            assert len(second) == 1

        first.add([kelp_paper(1)], on_progress=second_writer)
        assert waits == ["waiting"]
        second.add([kelp_paper(2)])
        assert everywhere(first, "p1", "p2")


def test_a_failing_input_keeps_what_came_before_it(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.adding.BATCH_PAPERS", 2)

    def broken() -> Iterator[Paper]:
        yield from (kelp_paper(n) for n in range(3))
        raise PermissionError(13, "the input file, not the library")

    with pytest.raises(PermissionError):
        library.add(broken())
    assert everywhere(library, "p0", "p1", "p2")


def test_a_failing_embedding_leaves_the_texts_and_the_next_add_goes_on(
    library: Library, embedder: HashingEmbedder
) -> None:
    library.add([kelp_paper(1)])
    embedder.fail = True
    with pytest.raises(RuntimeError, match="no embedding today"):
        library.add([kelp_paper(2)])
    embedder.fail = False
    assert (reachable(library), library.coverage, library.verify()) == (({"p1"}, {"p1", "p2"}), 0.5, [])
    library.add([])
    assert library.coverage == 1
    assert everywhere(library, "p1", "p2")


def test_eight_threads_never_see_half_a_commit(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """For every revision, each side finds one and the same, and the vectors nothing that the words don't."""
    monkeypatch.setattr("rag.adding.BATCH_PAPERS", 3)
    library.add([kelp_paper(n) for n in range(3)])
    vector = HashingEmbedder().embed(["kelp"])[0]
    seen: dict[int, tuple[set[str], set[str]]] = {}
    problems: list[str] = []
    done = threading.Event()
    n_reads = [0] * 8

    def hammer(number: int) -> None:
        try:
            while not done.is_set():
                found = library.candidates(vector=vector, text="kelp", k=EVERYTHING)
                dense, lexical = ({i for i, _ in side} for side in (found.dense, found.lexical))
                as_seen = seen.setdefault(found.revision, (dense, lexical))
                if not ((dense, lexical) == as_seen and dense <= lexical == set(found.chunks)):
                    problems.append(f"revision {found.revision}: {len(dense)} dense, {len(lexical)} lexical")
                n_reads[number] += 1
        except Exception as error:  # noqa: BLE001 - a thread's error must reach the test
            problems.append(repr(error))

    threads = [threading.Thread(target=hammer, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    library.add(kelp_paper(n) for n in range(3, 15))
    library.add(Paper(f"p{n}", "Edited", f"Kelp again {n}.") for n in range(6))
    library.remove(["p1", "p2"])
    done.set()
    for thread in threads:
        thread.join()
    assert problems == []
    assert all(n_reads)
    assert everywhere(library, "p0", *(f"p{n}" for n in range(3, 15)))


def said_by(script: str, library: Path) -> list[str]:
    """What another process prints that runs ``script`` on the library's folder."""
    command = [sys.executable, "-c", f"import sys, pathlib\n{script}", str(library)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_listing_papers_imports_nothing_heavy(tmp_path: Path, embedder: HashingEmbedder) -> None:
    with Library.open(tmp_path, embedder=embedder) as library:
        library.add([kelp_paper(n) for n in range(62)])
    said = said_by(
        "from rag.library import Library\n"
        "with Library.open(pathlib.Path(sys.argv[1])) as library: print(len(list(library.papers())))\n"
        "heavy = {'numpy', 'chromadb', 'tantivy', 'llama_index', 'filelock', 'multiprocessing'}\n"
        "print(sorted(heavy & set(sys.modules)))",
        tmp_path,
    )
    assert said == ["62", "[]"]


def test_a_search_imports_neither_chromas_client_nor_llama_index(tmp_path: Path) -> None:
    with Library.open(tmp_path) as library:
        library.add([Paper(f"p{n}", f"Kelp {n}", f"Kelp grows {n} m a year.") for n in range(5)])
    said = said_by(
        "from rag.library import Library\n"
        "from rag.retrieval import search\n"
        "with Library.open(pathlib.Path(sys.argv[1])) as library:\n"
        "    (hit, *_) = search(library, 'How fast does kelp grow?', k=1)\n"
        "    print(sorted(origin.side for origin in hit.origins))\n"
        "print(sorted({'chromadb', 'llama_index', 'gradio', 'openai'} & set(sys.modules)))",
        tmp_path,
    )
    assert said == ["['dense', 'lexical']", "[]"]


def test_the_bundled_embedding_finds_the_meaning_where_no_word_is_shared(tmp_path: Path) -> None:
    with Library.open(tmp_path) as library:
        library.add([
            Paper("bees", "Pollination", "Honey bees carry pollen between flowers."),
            Paper("banks", "Interest rates", "Central banks raise rates against inflation."),
        ])  # fmt: skip
        (question,) = library.embedder.embed(["Which insects help plants to reproduce?"])
        found = library.candidates(vector=question, text="insects plants reproduce", k=2)
        assert [found.chunks[i].paper.paper_id for i, _ in found.dense] == ["bees", "banks"]
        assert found.lexical == []
        assert library.fingerprint == library.embedder.fingerprint

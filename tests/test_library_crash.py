"""A library whose writer dies, meets a full disk, or meets another writer."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hashing import HashingEmbedder, kelp_paper

from rag.errors import StorageFull
from rag.index.records import Records
from rag.index.vectors import EmbeddedVectors
from rag.library import Library
from rag.types import Paper

EVERYTHING = 10_000

WRITER = """
import pathlib, resource, sys
sys.path.insert(0, {tests!r})
from hashing import HashingEmbedder, kelp_paper
import rag.adding
from rag.errors import StorageFull
from rag.library import Library
folder, first, last, batch, pause, max_bytes, for_process = sys.argv[1], *map(float, sys.argv[2:])
rag.adding.BATCH_PAPERS = int(batch)
rag.adding.FIRST_CHUNKS = rag.adding.MAX_CHUNKS = int(batch)
rag.adding.CHUNKS_FOR_PROCESS = for_process
library = Library.open(folder, embedder=HashingEmbedder(seconds_per_text=pause))
if max_bytes:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(max_bytes), int(max_bytes)))
papers = (kelp_paper(n) for n in range(int(first), int(last)))
try:
    report = library.add(papers, on_progress=lambda r: print("batch", r.n_papers, r.n_embedded, flush=True),
                         wait_seconds=60, on_wait=lambda: print("waiting", flush=True))
    print("done", report.added, report.unchanged, flush=True)
except StorageFull as error:
    print("full", error, flush=True)
"""


def start_writer(
    folder: Path, first: int, last: int, *, batch: int = 8, pause: float = 0.0, max_bytes: int = 0, for_process: int = 1
) -> subprocess.Popen[str]:
    """Adds the kelp papers from ``first`` on, in a process of its own; with more than ``for_process``
    chunks waiting, Chroma is written in yet another one."""
    script = WRITER.format(tests=str(Path(__file__).parent))
    arguments = [str(folder), *map(str, (first, last, batch, pause, max_bytes, for_process))]
    return subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True)


def contents(library: Library) -> dict[str, tuple[Any, ...]]:
    """Everything a reader can reach, by chunk; fails where the two sides and the records differ."""
    vector = HashingEmbedder().embed(["kelp"])[0]
    while True:  # two readings are of one state only if no writer published another between them
        found = library.candidates(vector=vector, text="kelp", k=EVERYTHING)
        held = {paper.paper_id for paper in library.papers()}
        if library.revision == found.revision:
            break
    dense, lexical = ({i for i, _ in side} for side in (found.dense, found.lexical))
    assert lexical == set(found.chunks)
    assert dense == {i for i, one in found.chunks.items() if one.vector.any()}
    assert {one.paper.paper_id for one in found.chunks.values()} == held
    return {
        i: (one.paper, one.chunk, one.vector.tobytes(), one.sentence_vectors.tobytes())
        for i, one in found.chunks.items()
    }


def texts(state: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    return {i: one[:2] for i, one in state.items()}


def tables(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of the records, but for what only says when it was written."""
    volatile = {"state": ("revision", "library_id"), "embedding": ("revision",), "seen": ("run",)}
    with closing(sqlite3.connect(folder / "library.sqlite")) as connection:
        names = [n for (n,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        found = {}
        for name in names:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
            kept = ", ".join(f'"{column}"' for column in columns if column not in volatile.get(name, ()))
            found[name] = sorted(connection.execute(f"SELECT {kept} FROM {name}"), key=repr)
        return found


class Killed(BaseException):
    """Ends a writer on the spot, as a signal would."""


STEPS: list[tuple[type, str]] = [
    (Records, "intend_words"),
    (Records, "publish"),
    (Records, "forget_pending_words"),
    (EmbeddedVectors, "delete"),
    (Records, "forget_pending_vectors"),
    (Records, "intend_vectors"),
    (EmbeddedVectors, "add"),
    (Records, "publish_vectors"),
]


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_writer_that_dies_at_any_step_leaves_one_of_three_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: type, step: str, when: str
) -> None:
    """As it was; with the new texts; with their vectors."""
    new = [Paper("p1", "Edited", "Kelp again."), kelp_paper(3)]
    embedder = HashingEmbedder()
    with Library.open(tmp_path / "whole", embedder=embedder) as whole:
        whole.add([kelp_paper(1), kelp_paper(2)])
        before = contents(whole)
        whole.add(new, embed=False)
        between = contents(whole)
        whole.embed()
        after = contents(whole)
    assert texts(before) != texts(between) == texts(after) != between
    original: Callable[..., Any] = getattr(owner, step)

    def dying(*arguments: Any, **named: Any) -> Any:
        if when == "after":
            original(*arguments, **named)
        raise Killed

    folder = tmp_path / "broken"
    with Library.open(folder, embedder=embedder) as reader:
        with Library.open(folder, embedder=embedder) as writer:
            writer.add([kelp_paper(1), kelp_paper(2)])
            assert contents(reader) == before
            with monkeypatch.context() as patch:
                patch.setattr(owner, step, dying)
                with pytest.raises(Killed):
                    writer.add(new)
            steps = [f"{name} {time}" for _, name in STEPS for time in ("before", "after")]
            reached = steps.index(f"{step} {when}")
            is_stored = reached >= steps.index("publish after")
            is_embedded = reached >= steps.index("publish_vectors after")
            expected = after if is_embedded else between if is_stored else before
            assert contents(reader) == contents(writer) == expected
            assert reader.verify() == []
        calls = len(embedder.calls)
        with Library.open(folder, embedder=embedder) as next_writer:
            report = next_writer.add(new)
            assert (report.added, report.updated, report.unchanged) == ((0, 0, 2) if is_stored else (1, 1, 0))
            assert len(embedder.calls) == calls + (not is_embedded)
            assert contents(next_writer) == contents(reader) == after
            assert next_writer.verify() == []
            with next_writer._records.snapshot() as snapshot:
                assert snapshot is not None
                assert snapshot.pending_words() == snapshot.pending_vectors(1) == []


@pytest.mark.slow
@pytest.mark.parametrize(("for_process", "n_kills"), [(1, 20), (EVERYTHING, 5)], ids=["beside", "within"])
def test_kill_9_at_twenty_random_moments_loses_only_the_batch_under_way(
    tmp_path: Path, for_process: int, n_kills: int
) -> None:
    """With Chroma written in a process beside the writer, and a few times within it."""
    n_papers, batch, rounds = 480, 16, random.Random(7)
    with Library.open(tmp_path / "whole", embedder=HashingEmbedder()) as whole:
        whole.add(kelp_paper(n) for n in range(n_papers))
        expected = contents(whole)
    folder = tmp_path / "killed"
    n_before = n_embedded_before = 0
    with Library.open(folder, embedder=HashingEmbedder()) as reader:
        for kill in range(n_kills):
            writer = start_writer(folder, 0, n_papers, batch=batch, pause=0.0005, for_process=for_process)
            assert writer.stdout is not None
            for _ in range(rounds.randrange(1, 8)):
                writer.stdout.readline()
            if kill == n_kills - 1:  # once at least while it embeds, however slow the machine is
                while reader.state.n_embedded == 0 and writer.poll() is None:
                    time.sleep(0.01)
            time.sleep(rounds.uniform(0, 0.1))
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
            state = contents(reader)
            held = [paper.paper_id for paper in reader.papers()]
            assert held == [f"p{n}" for n in range(len(held))]
            assert len(held) % batch == 0 and len(held) >= n_before
            now = {i: one for i, one in expected.items() if int(one[0].paper_id[1:]) < len(held)}
            assert texts(state) == texts(now)
            embedded = {i: one for i, one in state.items() if any(one[2])}
            assert embedded == {i: expected[i] for i in embedded}
            assert len(embedded) >= n_embedded_before
            assert reader.verify() == []
            n_before, n_embedded_before = len(held), len(embedded)
    assert n_embedded_before > 0
    writer = start_writer(folder, 0, n_papers, batch=batch, for_process=for_process)
    assert f"done {n_papers - n_before} {n_before}" in writer.communicate()[0]
    with Library.open(folder, embedder=HashingEmbedder()) as reader:
        assert contents(reader) == expected
        assert reader.verify() == []
    assert tables(folder) == tables(tmp_path / "whole")


@pytest.mark.slow
def test_two_processes_adding_at_once_both_arrive_and_a_third_reads_along(tmp_path: Path) -> None:
    with Library.open(tmp_path, embedder=HashingEmbedder()) as reader:
        writers = [start_writer(tmp_path, first, first + 60, pause=0.0005) for first in (0, 60)]
        sizes: list[int] = []
        while any(writer.poll() is None for writer in writers):
            sizes.append(len(contents(reader)))
            time.sleep(0.02)
        outputs = [writer.communicate()[0] for writer in writers]
        assert all("done 60 0" in output for output in outputs)
        assert "waiting" in "".join(outputs)
        assert sizes == sorted(sizes)
        assert len(set(sizes)) > 2
        assert len(contents(reader)) == 120
        reader.remove(["p7"])
        assert reader.verify() == []


@pytest.mark.slow
def test_a_full_disk_says_so_and_leaves_what_was_there(tmp_path: Path) -> None:
    """The file size limit fails writes exactly as a full disk does, and needs no privileges."""
    with Library.open(tmp_path, embedder=HashingEmbedder()) as library:
        library.add(kelp_paper(n) for n in range(20))
        before = contents(library)
        biggest = max(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
        # From the first file that cannot grow at all to the last one that can grow a little.
        outcomes = []
        for max_bytes in (1, 30_000, biggest // 2, biggest, biggest + 50_000):
            output = start_writer(tmp_path, 0, 400, batch=400, max_bytes=max_bytes).communicate()[0]
            outcomes.append(output)
            assert output.startswith("full"), output
            assert "unchanged" in output
            assert contents(library) == before
        assert start_writer(tmp_path, 0, 400).communicate()[0].endswith("done 380 20\n")
        assert len(contents(library)) == 400
        assert library.verify() == []


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Root may write everywhere, so for the while root is nobody."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_a_read_only_folder_says_so_and_can_still_be_listed(open_folder: Path) -> None:
    path = open_folder / "library"
    with Library.open(path, embedder=HashingEmbedder()) as library:
        library.add([kelp_paper(1)])
        contents(library)
    for item in (path, *path.rglob("*")):
        item.chmod(0o555 if item.is_dir() else 0o444)
    vector = HashingEmbedder().embed(["kelp"])[0]
    try:
        with ordinary_user(), Library.open(path, embedder=HashingEmbedder()) as library:
            assert list(library.papers()) == [kelp_paper(1)]
            assert len(library.candidates(vector=vector, text=None, k=5).dense) == 1
            # tantivy cannot open an index without a lock file beside it.
            words = (lambda: library.words.query("kelp", 5), lambda: library.words.counts(["kelp"]))
            for change in (lambda: library.add([kelp_paper(2)]), lambda: library.remove(["p1"]), *words):
                with pytest.raises(StorageFull, match="cannot be written"):
                    change()
            assert list(library.papers()) == [kelp_paper(1)]
        with ordinary_user(), Library.open(open_folder / "new", embedder=HashingEmbedder()) as library:
            with pytest.raises(StorageFull, match="cannot be written"):
                library.add([kelp_paper(2)])
            assert len(library) == 0
    finally:
        for item in (path, *path.rglob("*")):
            item.chmod(0o755)


def test_a_library_below_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    library = Library.open(tmp_path / "file" / "library", embedder=HashingEmbedder())
    with library, pytest.raises(StorageFull, match="cannot be written"):
        library.add([kelp_paper(1)])

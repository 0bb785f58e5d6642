"""A library whose writer dies, meets a full disk, or meets another writer."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hashing import HashingEmbedder, kelp_paper

from rag.errors import StorageFull
from rag.index.records import Records
from rag.index.vectors import Vectors
from rag.library import Library
from rag.types import Paper

EVERYTHING = 10_000

WRITER = """
import pathlib, resource, signal, sys
sys.path.insert(0, {tests!r})
from hashing import HashingEmbedder, kelp_paper
import rag.library
from rag.errors import StorageFull
folder, first, last, batch, pause, max_bytes = sys.argv[1], *map(float, sys.argv[2:])
rag.library.BATCH_PAPERS = int(batch)
library = rag.library.Library.open(folder, embedder=HashingEmbedder(seconds_per_text=pause))
if max_bytes:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(max_bytes), int(max_bytes)))
papers = (kelp_paper(n) for n in range(int(first), int(last)))
try:
    report = library.add(papers, on_progress=lambda r: print("batch", r.n_papers, flush=True), wait_seconds=60,
                         on_wait=lambda: print("waiting", flush=True))
    print("done", report.added, report.unchanged, flush=True)
except StorageFull as error:
    print("full", error, flush=True)
"""


def start_writer(
    folder: Path, first: int, last: int, *, batch: int = 8, pause: float = 0.0, max_bytes: int = 0
) -> subprocess.Popen[str]:
    script = WRITER.format(tests=str(Path(__file__).parent))
    arguments = [str(folder), *map(str, (first, last, batch, pause, max_bytes))]
    return subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True)


def contents(library: Library) -> dict[str, tuple[Any, ...]]:
    """Everything a reader can reach, by chunk; fails where the two sides and the records differ."""
    vector = HashingEmbedder().embed(["kelp"])[0]
    found = library.candidates(vector=vector, text="kelp", k=EVERYTHING)
    dense, lexical = ({i for i, _ in side} for side in (found.dense, found.lexical))
    assert dense == lexical == set(found.chunks)
    assert {one.paper.paper_id for one in found.chunks.values()} == {paper.paper_id for paper in library.papers()}
    return {
        i: (one.paper, one.chunk, one.vector.tobytes(), one.sentence_vectors.tobytes())
        for i, one in found.chunks.items()
    }


class Killed(BaseException):
    """Ends a writer on the spot, as a signal would."""


STEPS: list[tuple[type, str]] = [
    (Records, "intend"),
    (Vectors, "add"),
    (Records, "publish"),
    (Vectors, "delete"),
    (Records, "forget_pending"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_writer_that_dies_at_any_step_leaves_the_state_before_or_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: type, step: str, when: str
) -> None:
    new = [Paper("p1", "Edited", "Kelp again."), kelp_paper(3)]
    embedder = HashingEmbedder()
    with Library.open(tmp_path / "whole", embedder=embedder) as whole:
        whole.add([kelp_paper(1), kelp_paper(2)])
        before = contents(whole)
        whole.add(new)
        after = contents(whole)
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
            published = when == "after" if step == "publish" else step in ("delete", "forget_pending")
            expected = after if published else before
            assert contents(reader) == contents(writer) == expected
            assert reader.verify() == []
        calls = len(embedder.calls)
        with Library.open(folder, embedder=embedder) as next_writer:
            next_writer.add(new)
            assert len(embedder.calls) == calls + (0 if published else 1)
            assert contents(next_writer) == contents(reader) == after
            assert next_writer.verify() == []
            with next_writer._records.snapshot() as snapshot:
                assert snapshot is not None and snapshot.pending() == []


@pytest.mark.slow
def test_kill_9_at_random_moments_loses_only_the_batch_under_way(tmp_path: Path) -> None:
    n_papers, batch, rounds = 240, 8, random.Random(7)
    with Library.open(tmp_path / "whole", embedder=HashingEmbedder()) as whole:
        whole.add(kelp_paper(n) for n in range(n_papers))
        expected = contents(whole)
    folder = tmp_path / "killed"
    n_before = 0
    for _ in range(8):
        writer = start_writer(folder, 0, n_papers, batch=batch, pause=0.0005)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(rounds.uniform(0, 0.4))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        with Library.open(folder, embedder=HashingEmbedder()) as reader:
            state = contents(reader)
            n_after = len(reader)
            assert [paper.paper_id for paper in reader.papers()] == [f"p{n}" for n in range(n_after)]
            assert n_after % batch == 0 and n_after >= n_before
            assert state == {i: one for i, one in expected.items() if int(one[0].paper_id[1:]) < n_after}
            assert reader.verify() == []
            n_before = n_after
    assert n_before > 0
    writer = start_writer(folder, 0, n_papers, batch=batch)
    assert f"done {n_papers - n_before} {n_before}" in writer.communicate()[0]
    with Library.open(folder, embedder=HashingEmbedder()) as reader:
        assert contents(reader) == expected
        assert reader.verify() == []


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
            for change in (lambda: library.add([kelp_paper(2)]), lambda: library.remove(["p1"])):
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

"""Vectors on a Chroma server, and embedding on the workers of a Ray cluster: the same library as without."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import ROOT
from hashing import HashingEmbedder, kelp_paper

from rag.config import StoreConfig
from rag.errors import LibraryError
from rag.library import Library
from rag.retrieval import search

PAPERS = [kelp_paper(n) for n in range(40)]
MAX_STARTING_SECONDS = 120.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreConfig]:
    """A Chroma server of our own on the loopback interface."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    command = [Path(sys.executable).with_name("chroma"), "run", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*command, "--path", folder / "data"], stdout=log, stderr=log, cwd=folder)
    try:
        deadline = time.monotonic() + MAX_STARTING_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v2/heartbeat", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.1)
        yield StoreConfig(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_library_on_a_server_finds_what_one_in_a_folder_finds(tmp_path: Path, server: StoreConfig) -> None:
    embedder = HashingEmbedder()
    vector = embedder.embed(["kelp measured in 7 seas"])[0]
    found = []
    for name, store in (("here", None), ("there", server)):
        with Library.open(tmp_path / name, embedder=embedder, store=store) as library:
            library.add(PAPERS)
            library.remove(["p3"])
            assert library.verify() == []
            found.append(library.candidates(vector=vector, text="seas", k=39))
    assert len(found[0].dense) == 39
    # Where a graph does not lead to a chunk, all are compared by what lies at rest, which keeps a cosine to 0.0005.
    assert dict(found[0].dense) == pytest.approx(dict(found[1].dense), abs=5e-4)
    assert dict(found[0].lexical) == pytest.approx(dict(found[1].lexical))


@pytest.mark.slow
def test_several_readers_see_what_the_one_writer_commits(tmp_path: Path, server: StoreConfig) -> None:
    def opened() -> Library:
        return Library.open(tmp_path / "library", embedder=HashingEmbedder(), store=server)

    with opened() as writer, opened() as one, opened() as other:
        writer.add(PAPERS[:20])
        assert len(search(one, "kelp", k=40)) == len(search(other, "kelp", k=40)) == 20
        writer.add(PAPERS[20:])
        writer.remove(["p1"])
        for reader in (one, other):
            ids = {hit.paper.paper_id for hit in search(reader, "kelp", k=40)}
            assert ids == {paper.paper_id for paper in PAPERS} - {"p1"}


@pytest.mark.slow
def test_a_library_made_on_a_server_says_so_where_the_server_is_not_named(tmp_path: Path, server: StoreConfig) -> None:
    with Library.open(tmp_path / "library", embedder=HashingEmbedder(), store=server) as library:
        library.add(PAPERS[:3])
    with (
        Library.open(tmp_path / "library", embedder=HashingEmbedder()) as library,
        pytest.raises(LibraryError, match="keeps its vectors on the Chroma server"),
    ):
        library.add(PAPERS[3:6])


SPREAD = """
import numpy as np
from rag.embedding import open_embedder
from rag.spreading import FEWEST_TEXTS, RayEmbedder

if __name__ == "__main__":
    texts = [f"Kelp number {n} grows {'fast ' * (n % 7)}in cold water." for n in range(FEWEST_TEXTS)]
    texts[5] += " \\udcff"
    spread, plain = RayEmbedder(None, 2), open_embedder(None)
    assert spread.fingerprint == plain.fingerprint
    vectors = spread.embed(texts)
    import ray
    assert ray.is_initialized()
    ray.shutdown()
    print(np.abs(vectors - plain.embed(texts)).max())
"""


@pytest.mark.slow
def test_two_ray_workers_make_the_vectors_that_this_process_makes() -> None:
    """In a process of its own: Ray's modules warn of each other, and warnings are errors here."""
    ran = subprocess.run([sys.executable, "-c", SPREAD], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout.splitlines()[-1]) < 1e-5

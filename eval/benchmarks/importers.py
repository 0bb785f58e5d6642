"""What the readers make of real exports: ``python -m eval.benchmarks.importers FOLDER [-v]``.

One line for each folder in FOLDER: its files, how many were read, papers, papers with an
abstract, with authors, with a year, with an identifier, skipped parts, and refused files.
``-v`` names what was skipped or refused, and why. Numbers are printed, not judged.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rag.errors import ReadError
from rag.readers import read_papers
from rag.types import Paper

_COLUMNS = ("files", "read", "papers", "abstract", "authors", "year", "id", "notice", "skipped", "refused")


def measure(folder: Path, *, verbose: bool) -> Counter[str]:
    """Every file below ``folder`` read by its content."""
    counts: Counter[str] = Counter()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        counts["files"] += 1
        try:
            for part in read_papers(path):
                if isinstance(part, Paper):
                    counts["papers"] += 1
                    counts["abstract"] += bool(part.abstract)
                    counts["authors"] += bool(part.authors)
                    counts["year"] += part.year is not None
                    counts["id"] += any((part.doi, part.arxiv_id, part.pmid))
                    counts["notice"] += part.notice is not None
                else:
                    counts["skipped"] += 1
                    if verbose:
                        print(f"    skipped {path.relative_to(folder)}:{part.line}: {part.reason}")
            counts["read"] += 1
        except ReadError as error:
            counts["refused"] += 1
            if verbose:
                print(f"    refused {path.relative_to(folder)}: {str(error).replace(str(path), 'it')[:150]}")
    return counts


def main(arguments: Sequence[str]) -> None:
    folder = Path(arguments[0])
    started = time.perf_counter()
    print(f"{'':20}" + "".join(f"{name:>9}" for name in _COLUMNS))
    total: Counter[str] = Counter()
    for kind in sorted(path for path in folder.iterdir() if path.is_dir()):
        counts = measure(kind, verbose="-v" in arguments)
        total += counts
        print(f"{kind.name:20}" + "".join(f"{counts[name]:>9,}" for name in _COLUMNS))
    print(f"{'all':20}" + "".join(f"{total[name]:>9,}" for name in _COLUMNS))
    print(f"{time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Retrieval by itself: does the search that ``ask`` uses bring the relevant papers to the top?

A set has the layout of BEIR (Thakur et al. 2021): ``corpus.jsonl`` and ``queries.jsonl`` with
``_id`` and ``text``, and a table of judgements. The measures are those of ir_measures.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from eval.errors import QuestionFileError
from eval.statistics import Difference, Interval, mean_interval, paired_difference
from rag.errors import UsageError
from rag.library import Library
from rag.retrieval import CONFIGURATIONS, SearchSettings, search

DEPTH = 100
"""Papers that a run lists for each query; recall is measured down to it."""

MEASURES = ("nDCG@10", "AP", "RR", "R@5", "R@10", "R@100")
"""As ir_measures names them: AP averaged is MAP, RR averaged is MRR."""

WARM_UP_QUERIES = 5


@dataclass(frozen=True, slots=True)
class JudgedSet:
    queries: Mapping[str, str]
    """Only those with judgements, in the file's order."""
    judgements: Mapping[str, Mapping[str, int]]
    """By query, then paper: 0 is not relevant."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """One configuration's figures; every list is in the order of the queries."""

    name: str
    values: Mapping[str, Sequence[float]]
    """By measure; a query that found nothing counts as 0."""
    milliseconds: Sequence[float]
    n_empty: int
    """Queries for which nothing was found."""

    def mean(self, measure: str) -> float:
        return float(np.mean(self.values[measure]))

    def interval(self, measure: str) -> Interval:
        interval = mean_interval(self.values[measure])
        assert interval is not None  # a set without queries is refused
        return interval

    def milliseconds_at(self, percentile: float) -> float:
        return float(np.percentile(self.milliseconds, percentile))


def read_set(queries: Path, judgements: Path) -> JudgedSet:
    """The judged queries of two files. Raises QuestionFileError with every problem of both."""
    problems: list[str] = []
    judged = _judgements(judgements, problems)
    texts: dict[str, str] = {}
    for where, item in _objects(queries, problems):
        query_id, text = item.get("_id"), item.get("text")
        if not isinstance(query_id, str | int) or not isinstance(text, str):
            problems.append(f"{where}: '_id' and 'text' are wanted")
        elif str(query_id) in texts:
            problems.append(f"{where}: the id '{query_id}' was there before")
        else:
            texts[str(query_id)] = text
    if missing := [query_id for query_id in judged if query_id not in texts]:
        n_missing = f"{len(missing)} judged queries are"
        problems.append(f"{judgements}: {n_missing} not in {queries.name}, such as '{missing[0]}'")
    if not judged and not problems:
        problems.append(f"{judgements}: it holds no judgement")
    if problems:
        raise QuestionFileError(f"{len(problems)} problems in the set:", problems)
    return JudgedSet({query_id: text for query_id, text in texts.items() if query_id in judged}, judged)


def limited(judged: JudgedSet, n: int | None) -> JudgedSet:
    """``n`` of the queries, taken evenly; all of them for None."""
    if n is None or n >= len(judged.queries):
        return judged
    names = list(judged.queries)
    kept = [names[place * len(names) // n] for place in range(n)]
    return JudgedSet({name: judged.queries[name] for name in kept}, {name: judged.judgements[name] for name in kept})


def configurations(names: Sequence[str]) -> dict[str, SearchSettings]:
    """The named ones; raises UsageError with every unknown name."""
    unknown = [name for name in names if name not in CONFIGURATIONS]
    if unknown:
        known = ", ".join(CONFIGURATIONS)
        raise UsageError(f"unknown configuration {', '.join(repr(name) for name in unknown)} (known: {known})")
    return {name: CONFIGURATIONS[name] for name in names}


def run(
    library: Library,
    judged: JudgedSet,
    named: Mapping[str, SearchSettings],
    on_query: Callable[[int], None] | None = None,
) -> tuple[Configuration, ...]:
    """Every query through every configuration, one after the other so that none has a busier machine.

    Raises UsageError if not one judged paper is in ``library``.
    """
    ids = {paper_id for own in judged.judgements.values() for paper_id in own}
    if not any(paper_id in library for paper_id in ids):
        raise UsageError(
            f"none of the {len(ids)} judged papers is in {library.path}: is it the library of this corpus?"
        )
    runs: dict[str, dict[str, dict[str, float]]] = {name: {} for name in named}
    milliseconds: dict[str, list[float]] = {name: [] for name in named}
    for text in list(judged.queries.values())[:WARM_UP_QUERIES]:
        for settings in named.values():
            search(library, text, k=DEPTH, settings=settings)
    for done, (query_id, text) in enumerate(judged.queries.items(), 1):
        for name, settings in named.items():
            started = time.perf_counter()
            hits = search(library, text, k=DEPTH, settings=settings)
            milliseconds[name].append((time.perf_counter() - started) * 1000)
            # By place and not by score: equal scores would be ordered anew by every measure.
            runs[name][query_id] = {hit.paper.paper_id: float(-place) for place, hit in enumerate(hits)}
        if on_query is not None:
            on_query(done)
    return tuple(
        Configuration(name, measured(judged, found), milliseconds[name], sum(not hits for hits in found.values()))
        for name, found in runs.items()
    )


def measured(judged: JudgedSet, found: Mapping[str, Mapping[str, float]]) -> dict[str, list[float]]:
    """Each measure of each query, in the order of the queries."""
    ir_measures = _ir_measures()
    parsed = {ir_measures.parse_measure(name): name for name in MEASURES}
    rows = {name: dict.fromkeys(judged.queries, 0.0) for name in MEASURES}
    for metric in ir_measures.iter_calc(list(parsed), judged.judgements, found):
        rows[parsed[metric.measure]][metric.query_id] = float(metric.value)
    return {name: list(values.values()) for name, values in rows.items()}


def differences(found: Sequence[Configuration], measure: str = MEASURES[0]) -> dict[tuple[str, str], Difference]:
    """The last configuration against each of the others, query by query."""
    *others, last = found
    paired = {(last.name, one.name): paired_difference(one.values[measure], last.values[measure]) for one in others}
    return {names: difference for names, difference in paired.items() if difference is not None}


def as_text(found: Sequence[Configuration], n_papers: int) -> str:
    n_queries = len(found[0].milliseconds)
    lines = [
        f"{n_queries:,} queries, {n_papers:,} papers",
        "",
        f"{'':12} {'nDCG@10':>8} {'95 % interval':<16}{'MAP':>7}{'MRR':>7}{'R@5':>7}{'R@10':>7}{'R@100':>7}"
        f"   {'ms':>6}{'p95':>7}",
    ]
    for one in found:
        interval = one.interval("nDCG@10")
        others = "".join(f"{one.mean(name):7.3f}" for name in MEASURES[1:])
        times = f"{statistics.median(one.milliseconds):6.1f}{one.milliseconds_at(95):7.1f}"
        lines.append(
            f"{one.name:12} {one.mean('nDCG@10'):8.3f} {interval.low:.3f} to {interval.high:.3f}  {others}   {times}"
        )
        if one.n_empty:
            lines.append(f"{'':12} nothing found for {one.n_empty} of them")
    if len(found) > 1:
        lines += ["", "nDCG@10, paired by query"]
        for (one_name, other), d in differences(found).items():
            lines.append(
                f"{one_name} - {other:12} {d.mean:+.3f}  {d.interval.low:+.3f} to {d.interval.high:+.3f}   "
                f"p = {d.p_value:.4f}   better {d.n_better}, worse {d.n_worse}, equal {d.n_equal}"
            )
    return "\n".join(lines)


def as_json(found: Sequence[Configuration], judged: JudgedSet, n_papers: int) -> dict[str, Any]:
    return {
        "n_queries": len(judged.queries),
        "n_papers": n_papers,
        "configurations": {
            one.name: {
                "measures": {
                    name: {"mean": one.mean(name), "interval": _pair(one.interval(name))} for name in MEASURES
                },
                "milliseconds": {"median": statistics.median(one.milliseconds), "p95": one.milliseconds_at(95)},
                "n_empty": one.n_empty,
            }
            for one in found
        },
        "differences": [
            {
                "measure": MEASURES[0],
                "of": pair[0],
                "to": pair[1],
                "mean": d.mean,
                "interval": _pair(d.interval),
                "p_value": d.p_value,
                "n_better": d.n_better,
                "n_worse": d.n_worse,
                "n_equal": d.n_equal,
            }
            for pair, d in differences(found).items()
        ],
        "queries": {
            query_id: {one.name: round(one.values[MEASURES[0]][row], 6) for one in found}
            for row, query_id in enumerate(judged.queries)
        },
    }


def corpus_key(corpus: Path) -> str:
    """SHA-256 hex over the content of a file, or of all files of a folder."""
    digest = hashlib.sha256()
    for path in sorted(corpus.rglob("*")) if corpus.is_dir() else [corpus]:
        if path.is_file():
            with open(path, "rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _pair(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def _ir_measures() -> Any:
    try:
        import ir_measures
    except ImportError as error:
        raise UsageError("measuring retrieval needs ir_measures: pip install 'footnoted[eval]'") from error
    return ir_measures


def _judgements(path: Path, problems: list[str]) -> dict[str, dict[str, int]]:
    """BEIR's three columns with a heading, or TREC's four without; a score above 0 is relevant."""
    judged: dict[str, dict[str, int]] = {}
    for number, line in _lines(path, problems):
        columns = line.split()
        if not columns or (number == 1 and not columns[-1].lstrip("-").isdecimal()):
            continue
        if len(columns) not in (3, 4) or not columns[-1].lstrip("-").isdecimal():
            problems.append(f"{path}:{number}: three columns are wanted: query, paper and a whole number")
            continue
        judged.setdefault(columns[0], {})[columns[-2]] = int(columns[-1])
    return judged


def _objects(path: Path, problems: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in _lines(path, problems):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            problems.append(f"{path}:{number}: it is no JSON ({error})")
            continue
        if isinstance(item, dict):
            yield f"{path}:{number}", item
        else:
            problems.append(f"{path}:{number}: an object with '_id' and 'text' is wanted")


def _lines(path: Path, problems: list[str]) -> Iterator[tuple[int, str]]:
    try:
        with _opened(path) as stream:
            yield from enumerate(stream, 1)
    except OSError as error:
        problems.append(f"{path}: it cannot be read ({error.strerror or error})")
    except (UnicodeDecodeError, EOFError) as error:
        problems.append(f"{path}: it is no text in UTF-8 ({error})")


def _opened(path: Path) -> IO[str]:
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8")

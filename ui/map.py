"""The papers of a library as points of a plane, in regions that have names: the map of its topics.

Papers are grouped by their vectors; a group is named by the words that are telling in it.
The groups are laid out by the two main directions between them, and their papers around
them by the two main directions within, so that near on the map means near in meaning at
both scales. The same vectors always give the same map.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.readable import readable
from rag.types import Paper
from rag.vocabulary import stems, weight

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float32]

MIN_PAPERS = 8
MAX_POINTS = 2_000
"""More dots than that are a blot, and cost the browser more than they tell."""
MAX_REGIONS = 12
_ROUNDS = 40
_N_WORDS = 3
_TELLING = 2.5
"""The weight from which a word says what a paper is about; 'learning' has 1.8, 'graph' 2.8, 'reward' 4.2."""
_IN_ABSTRACT = 0.3
"""What a word counts that is not in the title; chosen by looking at maps of the papers that ship."""
_GAP = 1.12
_ROUNDS_TOGETHER, _ROUNDS_APART = 80, 500


@dataclass(frozen=True, slots=True)
class Region:
    words: tuple[str, ...]
    """What its papers speak of, the most telling first."""
    x: float
    y: float
    radius: float
    paper_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dot:
    title: str
    x: float
    y: float
    region: int


@dataclass(frozen=True, slots=True)
class Map:
    """All positions lie within ``[0, 1]`` on both sides."""

    regions: tuple[Region, ...]
    dots: tuple[Dot, ...]
    n_papers: int
    """In the library; the map may show fewer."""


def draw(papers: Sequence[Paper], vectors: FloatArray, n_papers: int) -> Map | None:
    """The map of ``papers``; None for too few of them. ``vectors``: (n, n_dims), unit rows, one a paper.

    ``n_papers`` is how many the library holds.
    """
    if len(papers) < MIN_PAPERS:
        return None
    import numpy as np

    n_regions = max(2, min(MAX_REGIONS, round(math.sqrt(len(papers)))))
    groups = _grouped(vectors, n_regions)
    n_regions = int(groups.max()) + 1
    members = [[int(at) for at in np.flatnonzero(groups == region)] for region in range(n_regions)]
    centres = np.stack([_unit(vectors[own].sum(axis=0)) for own in members])
    sizes = np.sqrt(np.array([len(own) for own in members], np.float32))
    places, radii = _apart(_plane(centres), sizes)
    dots = np.zeros((len(vectors), 2), np.float32)
    for region, own in enumerate(members):
        dots[own] = places[region] + 0.84 * radii[region] * _within(vectors[own])
    low, high = (places - radii[:, None]).min(axis=0), (places + radii[:, None]).max(axis=0)
    size = float((high - low).max())
    shift = (size - (high - low)) / 2 - low
    places, dots, radii = (places + shift) / size, (dots + shift) / size, radii / size
    words = _named([[papers[at] for at in own] for own in members])
    return Map(
        regions=tuple(
            Region(
                words[region],
                float(places[region][0]),
                float(places[region][1]),
                float(radii[region]),
                tuple(papers[at].paper_id for at in own),
            )
            for region, own in enumerate(members)
        ),
        dots=tuple(
            Dot(readable(paper.title), float(dots[at][0]), float(dots[at][1]), int(groups[at]))
            for at, paper in enumerate(papers)
        ),
        n_papers=n_papers,
    )


def _unit(row: FloatArray) -> FloatArray:
    import numpy as np

    scaled: FloatArray = (row / max(float(np.linalg.norm(row)), 1e-9)).astype(np.float32)
    return scaled


def _grouped(vectors: FloatArray, n_groups: int) -> npt.NDArray[np.int64]:
    """The group of each row, from 0, none of them empty: the widest group is parted until there are enough.

    A group is parted by spherical 2-means from the two halves along its main direction
    (Steinbach, Karypis and Kumar 2000); then all rows may change to the nearest centre.
    """
    import numpy as np

    groups = np.zeros(len(vectors), np.int64)
    for new in range(1, n_groups):
        spread = [
            float((1 - vectors[groups == one] @ _unit(vectors[groups == one].sum(axis=0))).sum()) for one in range(new)
        ]
        widest = int(np.argmax(spread))
        own = np.flatnonzero(groups == widest)
        if len(own) < 2:
            break
        parted = _plane(vectors[own])[:, 0] > 0
        if parted.all() or not parted.any():
            parted = np.arange(len(own)) >= len(own) // 2
        halves = _settled(vectors[own], parted.astype(np.int64))
        groups[own[halves == 1]] = new
    return _settled(vectors, groups)


def _settled(vectors: FloatArray, groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Spherical k-means from ``groups``, until nothing moves; groups that empty are left out of the numbers."""
    import numpy as np

    for _ in range(_ROUNDS):
        kept = np.unique(groups)
        centres = np.stack([_unit(vectors[groups == group].sum(axis=0)) for group in kept])
        moved = np.argmax(vectors @ centres.T, axis=1)
        if np.array_equal(moved, np.searchsorted(kept, groups)):
            break
        groups = moved
    return np.searchsorted(np.unique(groups), groups)


def _plane(rows: FloatArray) -> FloatArray:
    """Rows on their two main directions (n, 2), scaled to about one; signs are fixed by the first row."""
    import numpy as np

    centred = rows - rows.mean(axis=0)
    if len(rows) < 2:
        return np.zeros((len(rows), 2), np.float32)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    flat = centred @ directions[:2].T
    if flat.shape[1] < 2:
        flat = np.hstack([flat, np.zeros((len(flat), 1), flat.dtype)])
    flat *= np.where(flat[0] < 0, -1.0, 1.0)
    scaled: FloatArray = (flat / max(float(np.abs(flat).max()), 1e-9)).astype(np.float32)
    return scaled


def _within(rows: FloatArray) -> FloatArray:
    """Rows in a disc of radius one, spread evenly: their angle by meaning, their distance by rank."""
    import numpy as np

    flat = _plane(rows)
    angles = np.arctan2(flat[:, 1], flat[:, 0])
    order = np.argsort(np.argsort(np.hypot(flat[:, 0], flat[:, 1]), kind="stable"), kind="stable")
    distances = np.sqrt((order + 0.5) / max(len(rows), 1))
    # By rank as well, or two papers of the same meaning would be one dot.
    turns = np.argsort(np.argsort(angles, kind="stable"), kind="stable") * (2 * np.pi / max(len(rows), 1))
    placed: FloatArray = np.stack([distances * np.cos(turns), distances * np.sin(turns)], axis=1).astype(np.float32)
    return placed


def _apart(places: FloatArray, radii: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Discs of these sizes moved until none covers another, and drawn together as far as that allows."""
    import numpy as np

    radii = radii / float(radii.sum()) * 1.6
    at = places.astype(np.float64)
    for round_number in range(_ROUNDS_APART):
        moved = False
        for one in range(len(at)):
            for other in range(one + 1, len(at)):
                gap = at[other] - at[one]
                distance = float(np.hypot(gap[0], gap[1]))
                wanted = _GAP * float(radii[one] + radii[other])
                if distance < wanted - 1e-6:
                    push = gap / distance if distance > 1e-9 else np.array([1.0, 0.1 * (one + 1)])
                    at[one] -= push * (wanted - distance) / 2
                    at[other] += push * (wanted - distance) / 2
                    moved = True
        if not moved and round_number > _ROUNDS_TOGETHER:
            break
        if round_number <= _ROUNDS_TOGETHER:
            at *= 0.985
    return at.astype(np.float32), radii.astype(np.float32)


def _named(groups: Sequence[Sequence[Paper]]) -> list[tuple[str, ...]]:
    """The most telling words of each group: in many of its papers, in few of the others, rare at large."""
    spellings: dict[str, Counter[str]] = {}
    shares: list[dict[str, float]] = []
    for papers in groups:
        total: dict[str, float] = {}
        for paper in papers:
            for stem, share in _words(paper, spellings).items():
                total[stem] = total.get(stem, 0.0) + share
        shares.append(total)
    n_papers = sum(map(len, groups))
    everywhere: dict[str, float] = {}
    for total in shares:
        for stem, share in total.items():
            everywhere[stem] = everywhere.get(stem, 0.0) + share
    named = []
    for total, papers in zip(shares, groups, strict=True):
        scores = {}
        for stem, share in total.items():
            inside = share / len(papers)
            outside = (everywhere[stem] - share) / max(n_papers - len(papers), 1)
            if share > 1 or len(papers) == 1:
                scores[stem] = inside * math.log((inside + 0.05) / (outside + 0.05)) * math.sqrt(weight(stem))
        best = sorted(scores, key=lambda stem: (-scores[stem], stem))[:_N_WORDS]
        named.append(tuple(spellings[stem].most_common(1)[0][0] for stem in best))
    return named


def _words(paper: Paper, spellings: dict[str, Counter[str]]) -> dict[str, float]:
    """The stems of a paper's telling words, and what each counts; how it is spelled goes into ``spellings``."""
    found: dict[str, float] = {}
    for text, counts in ((paper.abstract, _IN_ABSTRACT), (paper.title, 1.0)):
        for word in re.findall(r"[^\W\d_][\w-]{2,}", readable(text)):
            (stem, *_) = stems(word) or [""]
            if stem and weight(stem) > _TELLING:
                found[stem] = counts
                is_name = any(letter.isupper() for letter in word[1:])
                spellings.setdefault(stem, Counter())[word if is_name else word.lower()] += 1
    return found

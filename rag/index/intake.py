"""What a batch of records read from files means for a library: which are new, which are known, which belong together.

Nothing is written here: a ``Plan`` says what is to be written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

from rag.index.rows import digest_of, is_text
from rag.index.snapshot import Snapshot
from rag.papers import (
    MAX_ALIKE,
    are_near_duplicates,
    edited,
    id_among_namesakes,
    identities,
    is_other_paper,
    merge,
    near_duplicate_keys,
    paper_id_for,
)
from rag.types import Paper, Skipped, Unread


@dataclass(slots=True)
class Plan:
    """What one batch changes. Papers go by their positions in the records."""

    papers: dict[int, Paper] = field(default_factory=dict)
    """New and changed ones, as they are to be stored; without tags and work."""
    new: set[int] = field(default_factory=set)
    rewritten: set[int] = field(default_factory=set)
    """Held ones whose title or abstract changed: what the indexes have of them is out of date."""
    merged_away: dict[int, int] = field(default_factory=dict)
    """Held ones that turned out to be another held one, and that one."""
    names: dict[str, int] = field(default_factory=dict)
    likeness: list[tuple[str, int]] = field(default_factory=list)
    no_longer_like: list[tuple[str, int]] = field(default_factory=list)
    forgotten: list[tuple[int, str]] = field(default_factory=list)
    """A paper and a source whose earlier records no longer count."""
    seen: dict[bytes, tuple[int, str]] = field(default_factory=dict)
    """By digest, where a record went and its source."""
    parts: dict[int, dict[str, Paper]] = field(default_factory=dict)
    """By source, the records of the papers that have several."""
    works: dict[int, str] = field(default_factory=dict)
    joined_works: list[tuple[str, str]] = field(default_factory=list)
    """Two works that are one: every paper of the first goes to the second."""
    next_position: int = 0
    """The first that no paper had yet. Not the number of new ones further: two of them may turn out to be one."""
    mentioned: set[int] = field(default_factory=set)
    """Every paper that the batch speaks of, unchanged ones too."""
    skipped: list[Skipped] = field(default_factory=list)
    """Records that turned out to be none when they were read."""
    n_added: int = 0
    n_updated: int = 0
    n_unchanged: int = 0
    n_duplicates: int = 0

    @property
    def is_empty(self) -> bool:
        """Nothing is to be written, but perhaps tags."""
        return not (self.papers or self.seen or self.merged_away)

    @property
    def changed_text(self) -> list[int]:
        return sorted(self.new | self.rewritten)


def plan(snapshot: Snapshot, batch: Sequence[Paper | Unread], *, run: int, next_position: int) -> Plan:
    """What ``batch`` changes in the library of ``snapshot``.

    A record that was read before, from the same place and equal in everything, changes
    nothing, and is not read again if it needn't be. One that shares an identity with a held
    paper is merged into it: as an edit, if that paper was read from the same source in an
    earlier run, and as another description of it otherwise. ``run`` tells this run from
    others; new papers get positions from ``next_position`` on.
    """
    return _Planning(snapshot, run, next_position).of(batch)


class _Planning:
    def __init__(self, snapshot: Snapshot, run: int, next_position: int) -> None:
        self._snapshot = snapshot
        self._run = run
        self._next_position = next_position
        self._plan = Plan()
        self._held: dict[int, Paper] = {}
        """Held papers that the batch may speak of, as the batch so far leaves them."""
        self._before: dict[int, Paper] = {}
        self._positions: dict[str, int | None] = {}
        self._parts: dict[int, dict[str, Paper]] = {}
        self._touched: set[tuple[int, str]] = set()
        """Papers and sources that this run has read before."""
        self._edited: set[tuple[int, str]] = set()
        """Papers and sources of which only what this batch said last counts."""
        self._digests: dict[tuple[int, str], list[bytes]] = defaultdict(list)

    def of(self, batch: Sequence[Paper | Unread]) -> Plan:
        digests = [item.digest if isinstance(item, Unread) else digest_of(item) for item in batch]
        seen = self._snapshot.seen(digests)
        new = {
            place: paper
            for place, (digest, item) in enumerate(zip(digests, batch, strict=True))
            if digest not in seen and (paper := self._read(item)) is not None
        }
        names = {place: identities(paper) for place, paper in new.items()}
        self._load({name for some in names.values() for name in some})
        for place, (digest, item) in enumerate(zip(digests, batch, strict=True)):
            if digest in seen and not self._is_edited(item, *seen[digest][:2]):
                position, _, run = seen[digest]
                self._plan.mentioned.add(position)
                self._plan.n_unchanged += run != self._run
                self._plan.n_duplicates += run == self._run
            elif digest in self._plan.seen:
                self._plan.n_duplicates += 1
            elif place in new:
                self._take(digest, new[place], names[place])
            elif digest in seen and (paper := self._read(item)) is not None:
                self._take(digest, paper, identities(paper))
        self._plan.rewritten = {
            position
            for position in self._plan.papers.keys() - self._plan.new
            if self._plan.papers[position].content_hash != self._before[position].content_hash
        }
        self._plan.forgotten = sorted(self._edited)
        self._link()
        self._plan.no_longer_like = [
            (key, position)
            for position in (*self._plan.rewritten, *self._plan.merged_away)
            if position in self._before
            for key in near_duplicate_keys(self._before[position])
        ]
        if self._plan.merged_away:
            self._settle()
        self._plan.next_position = self._next_position
        return self._plan

    def _read(self, item: Paper | Unread) -> Paper | None:
        found = item.read() if isinstance(item, Unread) else item
        if isinstance(found, Paper) and is_text(found.paper_id):
            return found
        unusable = Skipped(found.origin or "", 0, "its id is not valid Unicode")
        self._plan.skipped.append(found if isinstance(found, Skipped) else unusable)
        return None

    def _is_edited(self, item: Paper | Unread, position: int, source: str) -> bool:
        return (
            bool(self._edited)
            and (position, (item.origin or "") if isinstance(item, Paper) else source) in self._edited
        )

    def _settle(self) -> None:
        """What was noted of papers that were merged away since is true of what they were merged into."""
        plan = self._plan
        plan.names = {name: self._now(position) for name, position in plan.names.items()}
        plan.seen = {digest: (self._now(position), source) for digest, (position, source) in plan.seen.items()}
        plan.forgotten = [(self._now(position), source) for position, source in plan.forgotten]
        plan.mentioned = {self._now(position) for position in plan.mentioned}
        plan.likeness = [(key, position) for key, position in plan.likeness if position not in plan.merged_away]
        # Those that the batch itself brought were never written.
        plan.merged_away = {old: self._now(old) for old in plan.merged_away if old in self._before}

    def _load(self, names: Iterable[str]) -> None:
        names = list(names)
        found = self._snapshot.positions_of(names)
        self._positions |= dict.fromkeys(names) | found
        self._load_at(set(found.values()))

    def _load_at(self, positions: Iterable[int]) -> None:
        missing = [position for position in positions if position not in self._held]
        if not missing:
            return
        for position, held in self._snapshot.held_at(missing).items():
            self._held[position] = self._before[position] = held.paper
        self._parts |= self._snapshot.parts_at(missing)
        self._touched |= self._snapshot.touched(missing, self._run)

    def _take(self, digest: bytes, paper: Paper, names: tuple[str, ...]) -> None:
        targets, is_namesake = self._targets(paper, names)
        if not targets and is_namesake:
            # Its id is taken by a paper that it is not.
            for name in (paper_id_for(paper.title), id_among_namesakes(paper)):
                position = self._position_of(name)
                targets = [] if position is None else [position]
                if position is None:
                    paper, names = replace(paper, paper_id=name), (name, *names)
                if position is None or not is_other_paper(self._held[position], paper):
                    break
        source = paper.origin or ""
        if targets:
            position = self._merged(targets)
            self._merge(position, paper, source)
        else:
            position = self._next_position
            self._next_position += 1
            self._plan.new.add(position)
            self._plan.papers[position] = self._held[position] = paper
            self._plan.n_added += 1
        for name in names:
            if self._position_of(name) is None:
                self._positions[name] = self._plan.names[name] = position
        self._touched.add((position, source))
        self._plan.mentioned.add(position)
        self._plan.seen[digest] = (position, source)
        self._digests[position, source].append(digest)

    def _targets(self, paper: Paper, names: tuple[str, ...]) -> tuple[list[int], bool]:
        """The held papers that this is, the oldest first, and whether some share a name that it is not."""
        targets: set[int] = set()
        is_namesake = False
        for name in names:
            position = self._position_of(name)
            if position is None or position in targets:
                continue
            if not self._is_own_id(name, position, paper) and is_other_paper(self._held[position], paper):
                is_namesake = is_namesake or name == paper.paper_id
            else:
                targets.add(position)
        return sorted(targets), is_namesake

    def _is_own_id(self, name: str, position: int, paper: Paper) -> bool:
        """Whether the source itself says, by an id of its own, that it told of this paper in an earlier run."""
        source = paper.origin or ""
        if name.partition(":")[0] in ("arxiv", "doi", "pmid", "title") or source not in self._parts_of(position):
            return False
        return not source or (position, source) not in self._touched

    def _position_of(self, name: str) -> int | None:
        if name not in self._positions:
            self._load([name])
        position = self._positions[name]
        return None if position is None else self._now(position)

    def _now(self, position: int) -> int:
        """Where the paper is that was at ``position``."""
        while position in self._plan.merged_away:
            position = self._plan.merged_away[position]
        return position

    def _merged(self, targets: list[int]) -> int:
        """The oldest of ``targets``, with the others that it is merged into it."""
        first, *others = targets
        for other in others:
            if is_other_paper(self._held[first], self._held[other]):
                continue
            parts = self._parts_of(first)
            for source, part in self._parts_of(other).items():
                parts[source] = merge(parts[source], _elsewhere(part)) if source in parts else part
            self._put(first, parts)
            self._plan.papers.pop(other, None)
            self._plan.parts.pop(other, None)
            self._plan.works.pop(other, None)
            if other in self._plan.new:
                # It never came to be.
                self._plan.new.discard(other)
                self._plan.n_added -= 1
                self._plan.n_duplicates += 1
            self._plan.merged_away[other] = first
        return first

    def _merge(self, position: int, paper: Paper, source: str) -> None:
        before, parts = self._held[position], self._parts_of(position)
        is_edit = source in parts and (not source or (position, source) not in self._touched)
        if is_edit:
            parts[source] = edited(parts[source], paper)
            self._edited.add((position, source))
            for digest in self._digests.pop((position, source), ()):
                self._plan.seen.pop(digest, None)
        elif source in parts:
            parts[source] = merge(parts[source], _elsewhere(paper))
        else:
            parts[source] = paper
        self._put(position, parts)
        is_changed = replace(before, origins=()) != replace(self._held[position], origins=())
        self._plan.n_updated += is_edit and is_changed
        self._plan.n_unchanged += is_edit and not is_changed
        self._plan.n_duplicates += not is_edit

    def _parts_of(self, position: int) -> dict[str, Paper]:
        held = self._held[position]
        return dict(self._parts.get(position) or {held.origin or "": held})

    def _put(self, position: int, parts: dict[str, Paper]) -> None:
        held = self._held[position]
        paper = replace(reduce(merge, parts.values()), paper_id=held.paper_id, tags=held.tags, work=held.work)
        self._parts[position] = parts
        if len(parts) > 1:
            self._plan.parts[position] = parts
        if paper != held:
            self._held[position] = self._plan.papers[position] = paper

    # -- near-duplicates

    def _link(self) -> None:
        """Papers of the batch and those that report the same work get the same ``work``."""
        keys = {position: near_duplicate_keys(self._held[position]) for position in self._plan.changed_text}
        alike: dict[str, list[int]] = defaultdict(list)
        for key, position in self._snapshot.alike(list({key for some in keys.values() for key in some})):
            alike[key].append(position)
        self._load_at({position for some in alike.values() for position in some})
        for position, own_keys in keys.items():
            for other in dict.fromkeys(other for key in own_keys for other in alike[key]):
                if (
                    other != position
                    and other not in self._plan.merged_away
                    and are_near_duplicates(self._held[position], self._held[other])
                ):
                    self._join(position, other)
            for key in own_keys:
                # A title of a thousand papers says nothing, and would be compared with a thousand.
                if position not in alike[key] and len(alike[key]) < MAX_ALIKE:
                    alike[key].append(position)
                    self._plan.likeness.append((key, position))

    def _join(self, position: int, other: int) -> None:
        works = self._plan.works
        mine = works.get(position) or self._held[position].work
        theirs = works.get(other) or self._held[other].work
        work = theirs or mine or self._held[other].paper_id
        works[position] = works[other] = work
        if mine is not None and mine != work:
            self._plan.joined_works.append((mine, work))
            for place in [place for place, label in works.items() if label == mine]:
                works[place] = work
            for place, paper in self._held.items():
                if paper.work == mine:
                    works[place] = work


def _elsewhere(paper: Paper) -> Paper:
    """As if read from another place, so that merging it is no edit."""
    return replace(paper, origin=None)

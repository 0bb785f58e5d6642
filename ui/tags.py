"""Tags that people give to papers, in a table beside the conversations."""

from __future__ import annotations

from collections.abc import Sequence

from ui.conversations import Conversations

MAX_TAG_CHARACTERS = 60


class Tags:
    """By paper id; every method may be called from any thread."""

    def __init__(self, conversations: Conversations) -> None:
        self._store = conversations
        self.revision = 0
        """Grows with every change made here."""

    def all(self) -> dict[str, tuple[str, ...]]:
        """The tags of each paper that has some, in alphabetical order."""
        found: dict[str, list[str]] = {}
        for paper_id, tag in self._store.tags():
            found.setdefault(paper_id, []).append(tag)
        return {paper_id: tuple(tags) for paper_id, tags in found.items()}

    def change(self, paper_ids: Sequence[str], tag: str, *, remove: bool = False) -> int:
        """How many papers it changed; a blank tag changes none."""
        tag = " ".join(tag.split())[:MAX_TAG_CHARACTERS]
        if not tag:
            return 0
        n_changed = self._store.change_tag(paper_ids, tag, remove=remove)
        self.revision += n_changed > 0
        return n_changed

"""What the server tells a page: which parts of it to show anew, and a few things beside."""

from __future__ import annotations

from typing import Any, TypedDict


class Message(TypedDict, total=False):
    """Every part may be missing. Messages say how things are and not what changed, so one that
    is lost or comes twice does no harm."""

    conversation: str | None
    """The one that the rest is about; a page that shows another one meanwhile ignores the message."""
    inner: dict[str, str]
    """New content by element id."""
    outer: dict[str, str]
    """Whole elements by their id; one that is not there yet is put where its kind belongs."""
    busy: bool
    """Whether the conversation is being answered."""
    begins: bool
    """The first that is told of a question: its conversation may be a new one."""
    follow: bool
    """The page should ask to be told how the answer goes on."""
    status: str
    """What is going on, in one line, for everybody."""
    say: str
    """The same for screen readers alone, where the page shows it elsewhere."""
    toast: str
    """Something done, in one line."""
    undo: dict[str, Any]
    """What to send to undo it."""
    error: str
    """Why something was not done."""
    language: str
    texts: dict[str, str]
    """What the scripts say themselves."""
    title: str
    only: dict[str, Any]
    """The papers asked, as the page should send them from now on."""
    adding: int
    """Files on their way in: the page asks again while there are some."""
    question: dict[str, Any]
    """How the question's box is labelled, and whether it takes a question."""

"""What can go wrong while measuring, beside what can go wrong while asking (``rag.errors``).

UsageError
 +-- QuestionFileError    a question file cannot be used; ``problems`` lists all of it
 +-- OtherRun             a run has other questions, papers or settings than the one it is to be used with
FootnotedError
 +-- RunError             a run's folder cannot be read or written
 +-- DataSetError         a public data set is not of its format
 +-- PeerError            another system cannot be run here
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.errors import FootnotedError, UsageError

MAX_SHOWN = 100
"""Problems printed one by one; a file of the wrong kind has as many as it has lines."""


class QuestionFileError(UsageError):
    """``str(error)`` is a heading and one line a problem."""

    def __init__(self, heading: str, problems: Sequence[str]) -> None:
        shown = [f"  {problem}" for problem in problems[:MAX_SHOWN]]
        if len(problems) > MAX_SHOWN:
            shown.append(f"  and {len(problems) - MAX_SHOWN:,} more")
        super().__init__("\n".join([heading, *shown]))
        self.problems = tuple(problems)


class OtherRun(UsageError):
    pass


class RunError(FootnotedError):
    pass


class DataSetError(FootnotedError):
    pass


class PeerError(FootnotedError):
    pass

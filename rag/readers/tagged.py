"""What RIS, Web of Science and MEDLINE files share: lines with tags, gathered into records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rag.readers.file import TextFile
from rag.readers.records import MAX_RECORD_CHARACTERS


@dataclass(slots=True)
class Record:
    """The lines of one record, from its first to its last."""

    line: int
    lines: list[str] = field(default_factory=list)
    has_start: bool = True
    """False for lines that stand outside of any record."""
    has_end: bool = False
    is_last: bool = False
    """The file ends with it."""
    n_characters: int = 0
    has_content: bool = False
    """Whether there is more in it than start lines."""

    @property
    def is_too_long(self) -> bool:
        return self.n_characters > MAX_RECORD_CHARACTERS

    def add(self, line: str) -> None:
        """Beyond the bound lines are only counted."""
        self.n_characters += len(line) + 1
        if not self.is_too_long:
            self.lines.append(line)


def records(
    file: TextFile, is_start: Callable[[str], bool], is_end: Callable[[str], bool], is_noise: Callable[[str], bool]
) -> Iterator[Record]:
    """The file cut at its start and end lines; a start without an end before it begins a new record too.

    Start lines right below each other begin one record. Lines outside of records come as
    records without start, one for each run of them; lines that are noise there don't come.
    The end line is left out.
    """
    record: Record | None = None
    for number, line in file.lines(lenient=True):
        if number == 1:
            line = line.lstrip("\ufeff \t")
        if is_start(line):
            if record is not None and (record.has_content or not record.has_start):
                yield record
                record = None
            record = record or Record(number)
            record.add(line)
        elif is_end(line):
            if record is not None:
                record.has_end = True
                yield record
            record = None
        elif record is not None:
            record.has_content = True
            record.add(line)
        elif line.strip("\ufeff \t\x1a") and not is_noise(line):
            record = Record(number, has_start=False)
            record.add(line)
    if record is not None:
        record.is_last = True
        yield record

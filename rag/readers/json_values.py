"""JSON values one by one, whatever holds them: lines, an array, an object around an array, or one after another.

A file is read in pieces, so that an array may be larger than the memory. Every value comes
with the line that it begins on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from rag.readers.file import MAX_LINE_CHARACTERS, TextFile
from rag.readers.records import MAX_RECORD_CHARACTERS, skipped
from rag.types import Skipped

_PIECE_CHARACTERS = 262_144
_BLANK = re.compile(r"[\s\ufeff\0]*")
_BLANK_OR_COMMA = re.compile(r"[\s,]*")
_decoder = json.JSONDecoder(strict=False)  # a raw tab or line break inside a text is no reason to lose the record


def begins_as_json(head: str) -> bool:
    return re.match(r'[\s\ufeff\0]*(?:\{\s*["}]|\[\s*[{\]])', head) is not None


def values(file: TextFile, array_in: re.Pattern[str] | None = None) -> Iterator[tuple[int, Any] | Skipped]:
    """``(line, value)`` for each, and a Skipped for what is broken.

    ``array_in``, if it is found in the file's head, must end with the bracket of the array
    that holds the records, or the brace of the one record; what is around it is passed over.
    """
    inner = array_in.search(file.head) if array_in is not None else None
    position = inner.end() - 1 if inner is not None else _first(file)
    if file.head.startswith("[", position):
        yield from _Scanner(file, position + 1).array(is_inner=inner is not None)
    elif inner is not None:
        yield from _Scanner(file, position).sequence(only_one=True)
    elif _is_spread_out(file):
        yield from _Scanner(file, position).sequence()
    else:
        for number, line in lines(file):
            value = value_of(line, number, file.origin)
            yield value if isinstance(value, Skipped) else (number, value)


def has_one_a_line(file: TextFile) -> bool:
    """Whether every value has a line of its own, which ``lines`` gives and ``value_of`` decodes."""
    return not file.head.startswith("[", _first(file)) and not _is_spread_out(file)


def lines(file: TextFile) -> Iterator[tuple[int, str]]:
    """Those that are not blank, with their numbers."""
    for number, line in file.lines(lenient=True):
        if number == 1:
            line = line.lstrip("\ufeff\0")
        if line and not line.isspace():
            yield number, line


def value_of(line: str, number: int, origin: str) -> Any | Skipped:
    """What stands on a line by itself."""
    if len(line) > MAX_LINE_CHARACTERS:
        return skipped(origin, number, f"a record of more than {MAX_LINE_CHARACTERS:,} characters", line[:200])
    try:
        return _decoder.decode(line)
    except (ValueError, RecursionError) as error:
        return skipped(origin, number, f"broken JSON: {why(error)}", line[:200])


def _first(file: TextFile) -> int:
    blank = _BLANK.match(file.head)
    return blank.end() if blank is not None else 0


def _is_spread_out(file: TextFile) -> bool:
    """Whether the first value goes over several lines, as printers for people make it."""
    first_line = file.head.lstrip("\ufeff\0 \t\r\n").partition("\n")[0]
    try:
        _decoder.decode(first_line)
        return False
    except (ValueError, RecursionError):
        pass
    scanner = _Scanner(file, len(file.head) - len(file.head.lstrip("\ufeff\0 \t\r\n")))
    return isinstance(next(scanner.sequence(), None), tuple) and scanner.line > 1


class _Scanner:
    """Decodes values from a buffer that is filled as they need it."""

    def __init__(self, file: TextFile, position: int) -> None:
        self._origin = file.origin
        self._pieces = file.pieces(_PIECE_CHARACTERS)
        self._buffer = ""
        self._position = 0
        self.line = 1
        """Of the position."""
        self._fill()
        self._forget(position)

    def array(self, *, is_inner: bool) -> Iterator[tuple[int, Any] | Skipped]:
        """The values up to the closing bracket; a cut off array still gives what came before the cut."""
        while self._skip(_BLANK_OR_COMMA) and self._buffer[self._position] != "]":
            value = self._value()
            yield value
            if isinstance(value, Skipped):
                return
        if self._position >= len(self._buffer):
            yield skipped(self._origin, self.line, "the array is cut off: its closing bracket is missing")
        elif not is_inner:
            self._position += 1
            if self._skip(_BLANK_OR_COMMA):
                rest = self._buffer[self._position : self._position + 200]
                yield skipped(self._origin, self.line, "text after the array's end is not read", rest)

    def sequence(self, *, only_one: bool = False) -> Iterator[tuple[int, Any] | Skipped]:
        """Values with nothing but white space between them."""
        while self._skip(_BLANK_OR_COMMA):
            value = self._value()
            yield value
            if isinstance(value, Skipped) or only_one:
                return

    def _value(self) -> tuple[int, Any] | Skipped:
        line = self.line
        while True:
            try:
                value, end = _decoder.raw_decode(self._buffer, self._position)
                break
            except (ValueError, RecursionError) as error:
                length = len(self._buffer) - self._position
                if self._may_go_on(error) and length <= MAX_RECORD_CHARACTERS and self._fill():
                    continue
                reason = f"broken JSON, the file is not read beyond it: {why(error)}"
                if length > MAX_RECORD_CHARACTERS:
                    reason = (
                        f"a record of more than {MAX_RECORD_CHARACTERS:,} characters, the file is not read beyond it"
                    )
                return skipped(self._origin, line, reason, self._buffer[self._position : self._position + 200])
        self._forget(end)
        return line, value

    def _may_go_on(self, error: ValueError | RecursionError) -> bool:
        """Whether the error may be only that the buffer ends here."""
        if not isinstance(error, json.JSONDecodeError):
            return False
        return error.msg.startswith("Unterminated string") or error.pos >= len(self._buffer) - 12

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        """Move over blanks; False at the end of the file."""
        while True:
            found = pattern.match(self._buffer, self._position)
            self._forget(found.end() if found else self._position)
            if self._position < len(self._buffer):
                return True
            if not self._fill():
                return False

    def _forget(self, position: int) -> None:
        self.line += self._buffer.count("\n", self._position, position)
        self._position = position
        if position > _PIECE_CHARACTERS:
            self._buffer, self._position = self._buffer[position:], 0

    def _fill(self) -> bool:
        """Doubles the buffer, so that a long value isn't decoded in vain too often."""
        wanted = max(_PIECE_CHARACTERS, len(self._buffer) - self._position)
        pieces = []
        while wanted > 0 and (piece := next(self._pieces, "")):
            pieces.append(piece)
            wanted -= len(piece)
        self._buffer += "".join(pieces)
        return bool(pieces)


def why(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else "a number with too many digits"


class WrongField(Exception):
    """A known field of a record that is not what it has to be; the text says which and what it is."""


def kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "something else")


def text_field(value: dict[str, Any], name: str) -> str | None:
    found = value.get(name)
    if found is None or isinstance(found, str):
        return found
    raise WrongField(f"the field '{name}' is {kind(found)}, not text")


def object_field(value: dict[str, Any], name: str) -> dict[str, Any]:
    """{} if it is missing or anything else: what hangs on it is then missing too."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def list_field(value: dict[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    return found if isinstance(found, list) else []


def texts(found: Any) -> list[str]:
    """The texts of a list of texts, or the one text."""
    if isinstance(found, str):
        return [found]
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []

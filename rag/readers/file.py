"""A text file, opened with suspicion: what it is, how it is encoded, and its lines one by one."""

from __future__ import annotations

import codecs
import io
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rag.errors import ReadError

MAX_LINE_CHARACTERS = 2_000_000
"""A metadata record with 3,000 authors is 0.1 MB; without a bound one endless line fills the memory."""

HEAD_BYTES = 65_536
CHUNK_BYTES = 65_536

_BYTE_ORDER_MARKS = (  # UTF-32 first: its little-endian mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAGIC = (
    (b"%PDF", "a PDF: copy or export its text first"),
    (b"PK\x03\x04", "a zip archive inside another file: unpack the outer one first"),
    (b"\xfd7zXZ", "xz-compressed: run unxz on it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (b"SQLite format 3", "an SQLite database: export it as JSON lines first"),
    (b"\xd0\xcf\x11\xe0", "an old Office document: export it as text or CSV first"),
)
_CONTROL_BYTES = bytes(sorted({*range(32), 127} - set(b"\t\n\v\f\r\x1b")))
_UNDECODED = re.compile("[\udc80-\udcff]")
# JabRef and others write the encoding of a BibTeX file into its first line.
_DECLARED = re.compile(r"\A\s*%\s*Encoding:\s*([\w-]{2,20})")
_DECLARABLE = (
    "cp1252",
    "iso8859-1",
    "iso8859-15",
    "mac-roman",
    "cp1250",
    "cp1251",
    "iso8859-2",
    "gb18030",
    "shift_jis",
)


@dataclass(frozen=True, slots=True)
class TextFile:
    """A readable, non-empty text file. ``head`` is its first characters, for recognising the format.

    In ``head`` every line ends in a line feed, whatever ends it in the file.
    """

    origin: str
    """The file as people know it, one printable line; for a member of an archive, both names."""
    opens: Callable[[], BinaryIO]
    """A stream from the first byte, every time it is called."""
    encoding: str
    newline: str
    head: str

    def lines(self, *, lenient: bool = False) -> Iterator[tuple[int, str]]:
        """``(line number from 1, line without its ending)``, with at most one line in memory.

        Only line feeds end a line (carriage returns in a file that has no line feeds): an
        abstract may hold form feeds or Unicode separators. Raises ReadError for bytes that
        are not of the encoding, naming line and byte, and for a line that is too long.
        ``lenient``: such bytes stay as lone surrogates, and of a line that is too long only
        its beginning is given, one character more than is allowed; ``records.built`` then
        refuses the one record that they are in.
        """
        for number, line in self._raw_lines():
            if len(line) > MAX_LINE_CHARACTERS and not lenient:
                raise ReadError(
                    f"line {number} of {self.origin} is longer than {MAX_LINE_CHARACTERS:,} characters, "
                    "which no paper is: break it into lines, one record each"
                )
            if not lenient and not line.isascii() and (bad := _UNDECODED.search(line)):
                raise ReadError(f"{self.origin} is not UTF-8: {undecoded(line, bad.start(), number, self.origin)}")
            yield number, line

    def _raw_lines(self) -> Iterator[tuple[int, str]]:
        with self._guarded(), self._text(self.newline) as stream:
            number, is_inside = 0, False
            while line := stream.readline(MAX_LINE_CHARACTERS + 2):
                if not is_inside:
                    number += 1
                    yield number, line.removesuffix(self.newline).removesuffix("\r")[: MAX_LINE_CHARACTERS + 1]
                is_inside = not line.endswith(self.newline)

    def pieces(self, n_characters: int) -> Iterator[str]:
        """The text in pieces of at most ``n_characters``, every line ending a line feed.

        Bytes that are not of the encoding stay as lone surrogates.
        """
        with self._guarded(), self._text(None) as stream:
            while piece := stream.read(n_characters):
                yield piece

    def chunks(self) -> Iterator[bytes]:
        """The bytes, for a parser that decodes them itself."""
        with self._guarded(), self.opens() as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk

    def _text(self, newline: str | None) -> io.TextIOWrapper:
        return io.TextIOWrapper(self.opens(), self.encoding, "surrogateescape", newline=newline)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except UnicodeError as error:
            raise ReadError(
                f"{self.origin} begins as {self.encoding} but is damaged further on ({error}): save it again as UTF-8"
            ) from error
        except OSError as error:
            raise self._broken_off(error) from error

    def _broken_off(self, error: OSError) -> ReadError:
        return ReadError(f"{self.origin} could not be read to its end ({error.strerror or error}): try again")


def undecoded(text: str, position: int, line_number: int, origin: str) -> str:
    """What to say about the byte that could not be decoded at ``position`` of a line."""
    column = len(text[:position].encode("utf-8", "surrogatepass")) + 1
    byte = ord(text[position]) - 0xDC00
    return (
        f"byte {column} of line {line_number} is 0x{byte:02X}. Convert it first, so that quotes stay exact, "
        f"e.g. iconv -f latin1 -t utf-8 {shlex.quote(origin)} > converted.txt (with the encoding it really has)"
    )


def open_text(origin: str, opens: Callable[[], BinaryIO]) -> TextFile:
    """The file, recognised as text; nothing of it is kept open.

    UTF-8, with or without a byte order mark, UTF-16 or UTF-32 with one, and what a BibTeX
    file declares in its first line. Raises ReadError for what is empty or not text.
    """
    try:
        with opens() as stream:
            head = stream.read(HEAD_BYTES)
    except OSError as error:
        raise ReadError(f"{origin} cannot be opened: {error.strerror or error}") from error
    for magic, advice in _MAGIC:
        if head.startswith(magic):
            raise ReadError(f"{origin} is {advice}")
    if head[257:262] == b"ustar":
        raise ReadError(f"{origin} is a tar archive: unpack it and name its folder")
    encoding = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if head.startswith(mark)), "utf-8")
    if encoding.startswith("utf-8") and _n_control_bytes(head) > 2 + len(head) // 50:
        raise ReadError(
            f"{origin} is not a text file: name one that holds titles and abstracts "
            "(if it is UTF-16 without a byte order mark, convert it to UTF-8)"
        )
    if encoding == "utf-8":
        encoding = _declared_encoding(head)
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    text = decoder.decode(head)
    if not text.strip("\ufeff \t\r\n\0"):
        raise ReadError(f"{origin} is empty: it holds no paper")
    newline = "\r" if "\r" in text and "\n" not in text else "\n"
    text = text.replace("\r\n", "\n") if newline == "\n" else text.replace("\r", "\n")
    return TextFile(origin, opens, encoding, newline, text)


def _declared_encoding(head: bytes) -> str:
    """What the first line declares, if it can be so: text that is UTF-8 in truth is read as such."""
    declared = _DECLARED.match(head[:200].decode("latin1"))
    if declared is None:
        return "utf-8"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
        return "utf-8"
    except UnicodeDecodeError:
        pass
    try:
        name = codecs.lookup(declared[1]).name
    except LookupError:
        return "utf-8"
    return name if name in _DECLARABLE else "utf-8"


def _n_control_bytes(data: bytes) -> int:
    return len(data) - len(data.translate(None, _CONTROL_BYTES))


def shown(path: Path | str) -> str:
    """The path as one printable line; a file's name may hold line breaks and broken bytes."""
    text = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)

"""An XML file record by record, in memory that holds one record at a time.

Entities that a file declares are refused, be they bombs or other files, and nothing is
ever fetched (defusedxml). The tree outside of the records isn't built at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from rag.errors import ReadError
from rag.readers.file import TextFile
from rag.readers.records import MAX_RECORD_CHARACTERS, skipped
from rag.types import Skipped

_MAX_DEPTH = 200
_MAX_SILENT_BYTES = 2_000_000
"""Within one tag or comment; expat scans such a piece from its beginning with every chunk."""


class _Records:
    """What the parser reports to: builds the outermost elements of the wanted names, by local names."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._builder: TreeBuilder | None = None
        self._depth = self._record_depth = 0
        self._n_characters = 0
        self._line = 0
        self.finished: list[tuple[int, Element | str]] = []
        self.n_events = 0
        self.line_number: Callable[[], int] = lambda: 0

    def start(self, tag: str, attributes: dict[str, str]) -> Element | None:
        self.n_events += 1
        self._depth += 1
        name = tag.rpartition("}")[2]
        if self._depth > _MAX_DEPTH:
            raise _TooDeep
        if self._builder is None:
            if name not in self._names:
                return None
            self._builder, self._record_depth = TreeBuilder(), self._depth
            self._n_characters, self._line = 0, self.line_number()
        self._n_characters += 20 + sum(len(key) + len(value) for key, value in attributes.items())
        if self._n_characters <= MAX_RECORD_CHARACTERS:
            self._builder.start(name, attributes)
        return None

    def data(self, text: str) -> None:
        self.n_events += 1
        if self._builder is not None:
            self._n_characters += len(text)
            if self._n_characters <= MAX_RECORD_CHARACTERS:
                self._builder.data(text)

    def end(self, tag: str) -> None:
        self.n_events += 1
        if self._builder is not None:
            is_whole = self._n_characters <= MAX_RECORD_CHARACTERS
            if is_whole:
                self._builder.end(tag.rpartition("}")[2])
            if self._depth == self._record_depth:
                reason = f"a record of more than {MAX_RECORD_CHARACTERS:,} characters"
                self.finished.append((self._line, self._builder.close() if is_whole else reason))
                self._builder = None
        self._depth -= 1

    def close(self) -> None:
        pass


class _TooDeep(Exception):
    pass


def records(file: TextFile, names: Collection[str]) -> Iterator[tuple[int, Element] | Skipped]:
    """``(line, element)`` for every outermost element with one of ``names``, tags without namespaces.

    Where the file breaks off or is no longer XML, that place is Skipped and the reading
    ends. Raises ReadError for declared entities, absurd nesting or endless tags.
    """
    target = _Records(names)
    parser = DefusedXMLParser(target=target, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    target.line_number = lambda: int(parser.parser.CurrentLineNumber)
    n_silent = n_events = 0
    try:
        for chunk in file.chunks():
            parser.feed(chunk)
            n_silent = n_silent + len(chunk) if target.n_events == n_events else 0
            n_events = target.n_events
            if n_silent > _MAX_SILENT_BYTES:
                raise ReadError(
                    f"line {target.line_number()} of {file.origin} holds one piece of mark-up of more than "
                    f"{_MAX_SILENT_BYTES:,} bytes: it is no bibliographic export"
                )
            yield from _handed_over(target, file)
        parser.close()
    except ParseError as error:
        yield from _handed_over(target, file)
        line, column = error.position
        yield skipped(
            file.origin, line, f"broken XML at column {column + 1}, nothing is read from there on: {error.msg}"
        )
    except DefusedXmlException as error:
        raise ReadError(
            f"{file.origin} declares entities, which may expand without end or name other files: remove its DOCTYPE"
        ) from error
    except _TooDeep:
        raise ReadError(
            f"{file.origin} nests its elements more than {_MAX_DEPTH} deep: it is no bibliographic export"
        ) from None
    except (ValueError, LookupError) as error:
        raise ReadError(f"{file.origin} cannot be read as XML ({error}): save it again as UTF-8") from error


def _handed_over(target: _Records, file: TextFile) -> Iterator[tuple[int, Element] | Skipped]:
    finished, target.finished = target.finished, []
    for line, record in finished:
        yield skipped(file.origin, line, record) if isinstance(record, str) else (line, record)


def text_at(element: Element | None, path: str) -> str:
    """The text below the first element at ``path``, on one line; "" without one."""
    found = element.find(path) if element is not None else None
    return " ".join("".join(found.itertext()).split()) if found is not None else ""

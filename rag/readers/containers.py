"""Where bytes come from: a file, a compressed file, the members of an archive, the files of a folder.

Nothing is ever unpacked to disk, so a member's name is a label and no path. What an archive
may expand to is bounded, since a few bytes can stand for a million gigabytes.
"""

from __future__ import annotations

import bz2
import gzip
import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from rag.errors import ReadError
from rag.readers.file import shown
from rag.readers.records import skipped
from rag.types import Skipped

MAX_UNPACKED_BYTES = 50_000_000_000
"""Of one file or archive: ten times the metadata of all of arXiv."""
MAX_RATIO = 250
"""Unpacked to packed; bibliographic text reaches 20, and highly repetitive text 100."""
FREE_BYTES = 20_000_000
"""The ratio counts from here on: small files of zeros are harmless."""
MAX_MEMBERS = 100_000
"""Of an archive, or files of a folder."""
MAX_LAYERS = 3
"""``papers.ris.gz`` inside a zip has two."""

_MAX_DIRECTORY_BYTES = 64_000_000
_ZSTD_WINDOW_BYTES = 2**27  # what `zstd --long` makes
_ZSTD_STEP_BYTES = 1_024  # which can become 32 MB in one step
_NO_FILE = ("__MACOSX/", ".DS_Store", "Thumbs.db")


class Source(NamedTuple):
    origin: str
    """For people: the file, and the archive's member."""
    opens: Callable[[], BinaryIO]


class Meter:
    """How far files have been read, one after the other."""

    def __init__(self) -> None:
        self.n_bytes: int | None = None
        """Of all files together; None until somebody asks."""
        self._n_before = 0
        self._path: Path | None = None
        self._stream: BinaryIO | None = None
        self._n_here = 0
        """Bytes of the file that the stream is of; the file may be gone when they are asked for."""

    def opened(self, path: Path) -> BinaryIO:
        """A stream of the file, which may be opened several times: its last stream counts."""
        if self._path != path:
            self._n_before += self._n_here
        self._path, self._stream = path, path.open("rb")
        self._n_here = os.fstat(self._stream.fileno()).st_size
        return self._stream

    def n_read(self) -> int:
        """Of a file whose stream is closed, nothing more will be read."""
        if self._stream is None:
            return 0
        return self._n_before + (self._n_here if self._stream.closed else self._stream.tell())


def file_source(path: Path, meter: Meter) -> Source:
    """A regular file; raises ReadError for anything else, a folder included."""
    name = shown(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ReadError(f"{name} is a folder: name the files in it that hold papers")
        if not stat.S_ISREG(status.st_mode):
            raise ReadError(f"{name} is not a regular file: save what it gives to a file first")
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise ReadError(f"{name} does not exist: check the name") from None
    except PermissionError:
        raise ReadError(f"{name} may not be read: check its permissions") from None
    except ValueError as error:  # a NUL inside the name
        raise ReadError(f"{name} is no file name: {error}") from error
    except OSError as error:
        raise ReadError(f"{name} cannot be opened: {error.strerror or error}") from error
    return Source(name, lambda: meter.opened(path))


def folder_sources(folder: Path) -> Iterator[Path | Skipped]:
    """Every file below ``folder`` in the order of its path; what is not read is named.

    Hidden files and folders are not read, nor links that lead out of the folder, nor links
    to folders (they may lead in circles).
    """
    root = folder.resolve()
    n_files = 0
    for here, folders, names in os.walk(folder, onerror=_refuse_folder):
        for name in sorted(folders):
            if name.startswith(".") or name in ("__MACOSX",) or Path(here, name).is_symlink():
                folders.remove(name)
                yield skipped(shown(Path(here, name)), 0, "a hidden folder, or a link to one: its files are not read")
        folders.sort()
        for name in sorted(names):
            path = Path(here, name)
            n_files += 1
            if n_files > MAX_MEMBERS:
                raise ReadError(f"{shown(folder)} holds more than {MAX_MEMBERS:,} files: add its folders one by one")
            if name.startswith(".") or name in _NO_FILE:
                yield skipped(shown(path), 0, "a hidden file: name it itself to have it read")
            elif path.is_symlink() and not path.resolve().is_relative_to(root):
                yield skipped(shown(path), 0, "a link that leads out of the folder: name the file that it means")
            else:
                yield path


def _refuse_folder(error: OSError) -> None:
    raise ReadError(f"{shown(str(error.filename))} cannot be listed: {error.strerror or error}") from error


def unpacked(source: Source) -> Source:
    """``source`` with its compression (gzip, zstd, bzip2) taken off, in several layers if need be.

    Reading it raises ReadError for damaged data, data that ends too early, and data that
    expands beyond the bounds.
    """
    for _ in range(MAX_LAYERS):
        unpack = _unpacker(_first_bytes(source))
        if unpack is None:
            return source
        source = _layer(source, unpack)
    if _unpacker(_first_bytes(source)) is not None:
        raise ReadError(f"{source.origin} is compressed more than {MAX_LAYERS} times over: unpack it first")
    return source


def _layer(source: Source, unpack: Callable[[BinaryIO], BinaryIO]) -> Source:
    def opens() -> BinaryIO:
        packed = _Counted(source.opens())
        budget = _Budget(source.origin, lambda: packed.n_bytes)
        reader = _Unpacked(unpack(cast(BinaryIO, packed)), source.origin, budget, packed)
        return cast(BinaryIO, io.BufferedReader(reader, 65_536))

    return Source(source.origin, opens)


def is_zip(source: Source) -> bool:
    return _first_bytes(source)[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def _first_bytes(source: Source) -> bytes:
    try:
        with source.opens() as stream:
            return stream.read(8)
    except OSError as error:
        raise ReadError(f"{source.origin} cannot be opened: {error.strerror or error}") from error


def _unpacker(head: bytes) -> Callable[[BinaryIO], BinaryIO] | None:
    if head.startswith(b"\x1f\x8b"):
        return lambda stream: cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    if head.startswith(b"BZh"):
        return lambda stream: cast(BinaryIO, bz2.BZ2File(stream))
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return lambda stream: cast(BinaryIO, _Zstd(stream))
    return None


class _Zstd(io.RawIOBase):
    """One zstd frame after the other.

    The library's own stream reader ends quietly where data was cut off; this one knows.
    """

    def __init__(self, stream: BinaryIO) -> None:
        import zstandard

        self._stream = stream
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
        self._frame = self._decompressor.decompressobj()
        self._is_fresh = True
        self._rest = b""
        self._ready = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._ready and (packed := self._rest or self._stream.read(_ZSTD_STEP_BYTES)):
            if self._frame.eof:
                self._frame, self._is_fresh = self._decompressor.decompressobj(), True
            self._ready = self._frame.decompress(packed)
            self._is_fresh = False
            self._rest = self._frame.unused_data if self._frame.eof else b""
        if not self._ready and not self._is_fresh and not self._frame.eof:
            raise EOFError
        data, self._ready = (self._ready[:size], self._ready[size:]) if size >= 0 else (self._ready, b"")
        return data


class _Counted(io.RawIOBase):
    """Passes bytes on and counts them."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.n_bytes = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.n_bytes += len(data)
        return data

    def close(self) -> None:
        self._stream.close()
        super().close()


@dataclass(slots=True)
class _Budget:
    """What may still come out, given how much went in."""

    origin: str
    n_packed: Callable[[], int]
    n_unpacked: int = field(default=0)

    def spend(self, n_bytes: int) -> None:
        self.n_unpacked += n_bytes
        if self.n_unpacked > max(FREE_BYTES, MAX_RATIO * self.n_packed()):
            raise ReadError(
                f"{self.origin} expands to more than {MAX_RATIO} times its size, as no list of papers does: "
                "if you trust it, unpack it yourself and name what comes out"
            )
        if self.n_unpacked > MAX_UNPACKED_BYTES:
            raise ReadError(
                f"{self.origin} expands to more than {MAX_UNPACKED_BYTES / 1e9:.0f} GB: unpack it and add it in parts"
            )


class _Unpacked(io.RawIOBase):
    """What a decompressor gives, within a budget; every failure of it is a ReadError."""

    def __init__(self, stream: BinaryIO, origin: str, budget: _Budget, packed: _Counted | None = None) -> None:
        self._stream = stream
        self._packed = packed
        self._origin = origin
        self._budget = budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's buffer has no len
        with _damage(self._origin):
            data = self._stream.read(len(buffer))
        self._budget.spend(len(data))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        if self._packed is not None:  # gzip and bz2 leave it open
            self._packed.close()
        super().close()


@contextmanager
def _damage(origin: str) -> Iterator[None]:
    """Names the ways in which the decompressors say that their data is wrong."""
    try:
        yield
    except EOFError as error:
        raise ReadError(f"{origin} ends in the middle of its compressed data: fetch or copy it again") from error
    except (OSError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError) as error:
        raise ReadError(f"{origin} cannot be unpacked: {str(error) or type(error).__name__}") from error
    except Exception as error:
        # zstandard.ZstdError has no base class of its own, and is not imported before it is needed.
        if type(error).__name__ not in ("ZstdError", "LZMAError"):
            raise
        raise ReadError(f"{origin} cannot be unpacked: {error}") from error


@contextmanager
def zip_members(source: Source) -> Iterator[Iterator[Source | Skipped]]:
    """The members of a zip archive in the order of their names, valid while the context lasts.

    Named instead of read are encrypted members, names that climb out of the archive, and
    what no person put there. Raises ReadError for an archive that is damaged or too large.
    """
    with ExitStack() as stack:
        with _damage(source.origin):
            stream = stack.enter_context(source.opens())
            n_bytes = _check_directory(stream, source.origin)
            archive = stack.enter_context(zipfile.ZipFile(stream))
        if len(archive.infolist()) > MAX_MEMBERS:
            raise ReadError(f"{source.origin} holds more than {MAX_MEMBERS:,} files: unpack it and add them in parts")
        if "[Content_Types].xml" in archive.NameToInfo:
            raise ReadError(f"{source.origin} is an Office document: export it as text or CSV first")
        yield _members(archive, source.origin, _Budget(source.origin, lambda: n_bytes))


def _members(archive: zipfile.ZipFile, origin: str, budget: _Budget) -> Iterator[Source | Skipped]:
    for info in sorted(archive.infolist(), key=lambda info: info.filename):
        if info.is_dir():
            continue
        name = f"{origin}/{shown(info.filename)}"
        parts = info.filename.replace("\\", "/").split("/")
        if ".." in parts or info.filename.startswith(("/", "\\")) or ":" in parts[0]:
            yield skipped(name, 0, "a name that climbs out of the archive: nothing of it is read")
        elif any(part.startswith(".") for part in parts) or info.filename.startswith("__MACOSX/"):
            yield skipped(name, 0, "a hidden file: it is not read")
        elif info.flag_bits & 1:
            yield skipped(name, 0, "encrypted: unpack it with its password first")
        else:
            yield Source(name, _member_opener(archive, info, name, budget))


def _member_opener(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, budget: _Budget
) -> Callable[[], BinaryIO]:
    def opens() -> BinaryIO:
        with _damage(name):
            member = archive.open(info)
        return cast(BinaryIO, io.BufferedReader(_Unpacked(cast(BinaryIO, member), name, budget), 65_536))

    return opens


def _check_directory(stream: BinaryIO, origin: str) -> int:
    """The archive's size; refuses a list of members that would fill the memory, since zipfile reads it whole."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - 66_000))
    tail = stream.read()
    stream.seek(0)
    n_bytes = 0
    if (end := tail.rfind(b"PK\x05\x06")) >= 0 and len(tail) >= end + 22:
        n_bytes = struct.unpack_from("<L", tail, end + 12)[0]
    if n_bytes == 0xFFFFFFFF and (end := tail.rfind(b"PK\x06\x06")) >= 0 and len(tail) >= end + 56:
        n_bytes = struct.unpack_from("<Q", tail, end + 40)[0]
    if n_bytes > _MAX_DIRECTORY_BYTES:
        raise ReadError(f"{origin} lists too many members to be read: unpack it and add its files")
    return size

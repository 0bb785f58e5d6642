"""Everything that can go wrong, on one page.

FootnotedError                  exit code 1 unless noted
 +-- UsageError                 the request itself is wrong (exit code 2)
 |    +-- ConfigError           a setting is unknown, of the wrong kind, or contradicts another
 |    +-- UnknownPaper          an id that the library does not hold
 +-- ReadError                  an input file cannot be read as papers
 +-- LibraryError               the library on disk
 |    +-- LibraryBusy           another process is writing to it
 |    +-- LibraryMismatch       it was made with another embedding or a newer layout
 |    +-- LibraryDamaged        its parts do not agree
 |    +-- StorageFull           the disk is full or read-only; nothing was changed
 |    +-- StoreUnreachable      the Chroma server that holds its vectors does not answer
 +-- EmbeddingError             the embedding model or endpoint
 +-- PromptError                a prompt file and its variables do not agree
 +-- ModelError                 the language model
      +-- ModelUnreachable      refused, unknown host, broken connection
      +-- ModelTimeout          no first token, or no end, in time
      +-- ModelAuthError        401 or 403
      +-- ModelRateLimited      429 after the last retry
      +-- ModelServerError      5xx after the last retry, or a reply that is not of the protocol
      +-- ModelInterrupted      the stream broke off; ``partial`` holds what had come

A message says what happened, on what, and what to do next, in one line. Nothing here
ever carries a key.
"""

from __future__ import annotations


class FootnotedError(Exception):
    """The root; ``str(error)`` is one line for a person."""

    exit_code = 1


class UsageError(FootnotedError):
    exit_code = 2


class ConfigError(UsageError):
    pass


class UnknownPaper(UsageError):
    pass


class ReadError(FootnotedError):
    pass


class LibraryError(FootnotedError):
    pass


class LibraryBusy(LibraryError):
    pass


class LibraryMismatch(LibraryError):
    pass


class LibraryDamaged(LibraryError):
    pass


class StorageFull(LibraryError):
    pass


class StoreUnreachable(LibraryError):
    pass


class EmbeddingError(FootnotedError):
    pass


class PromptError(FootnotedError):
    pass


class ModelError(FootnotedError):
    pass


class ModelUnreachable(ModelError):
    pass


class ModelTimeout(ModelError):
    pass


class ModelAuthError(ModelError):
    pass


class ModelRateLimited(ModelError):
    pass


class ModelServerError(ModelError):
    pass


class ModelInterrupted(ModelError):
    def __init__(self, message: str, partial: str = "") -> None:
        super().__init__(message)
        self.partial = partial

"""What can go wrong around the page, below the project's one tree.

FootnotedError
 +-- ConversationsError     the file of conversations cannot be read or written
 +-- UsageError
      +-- AccountsError     the file of accounts is missing, damaged or readable by everyone
      +-- Refused           a person may not do that, or not now; the message is for them
"""

from __future__ import annotations

from rag.errors import FootnotedError, UsageError


class ConversationsError(FootnotedError):
    pass


class AccountsError(UsageError):
    pass


class Refused(UsageError):
    pass

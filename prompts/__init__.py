"""Prompts are files: one Markdown file each, with the variables it takes named at the top.

A file begins with ``<!-- variables: sources, question -->``; then come its messages,
each below a line ``<!-- system -->``, ``<!-- user -->`` or ``<!-- assistant -->``, with
placeholders such as ``{{question}}``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Literal, cast

from rag.errors import PromptError
from rag.llm import Message

_Role = Literal["system", "user", "assistant"]

_VARIABLES = re.compile(r"<!--\s*variables:(?P<names>[^>]*)-->\s*")
_ROLE = re.compile(r"^<!--[ \t]*(system|user|assistant)[ \t]*-->[ \t]*$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Prompt:
    name: str
    text: str
    """The whole file, with ``\\n`` line ends."""
    variables: tuple[str, ...]
    """In the order the file declares them."""
    messages: tuple[Message, ...]
    """With their placeholders still in them."""

    @property
    def sha256(self) -> str:
        """Hex digest of ``text``: goes into the record of every run."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def render(self, **variables: str) -> tuple[Message, ...]:
        """The messages with every placeholder replaced, once: a value that itself holds
        ``{{question}}`` keeps it. Raises PromptError naming every missing and surplus variable.
        """
        problems = [f"'{name}' is missing" for name in self.variables if name not in variables]
        problems += [f"'{name}' is not one of its variables" for name in variables if name not in self.variables]
        if problems:
            raise PromptError(f"the prompt '{self.name}' cannot be filled in: {'; '.join(problems)}")
        return tuple(
            Message(message.role, _PLACEHOLDER.sub(lambda found: variables[found[1]], message.content))
            for message in self.messages
        )


def load(name: str) -> Prompt:
    """The prompt of the file ``prompts/{name}.md``; raises PromptError when there is none or it is malformed."""
    if name not in names():
        raise PromptError(f"there is no prompt '{name}' (known: {', '.join(names())})")
    return parse(name, resources.files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8"))


def names() -> tuple[str, ...]:
    """Of all prompts, in order."""
    files = (entry.name for entry in resources.files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".md") for name in files if name.endswith(".md")))


def parse(name: str, text: str) -> Prompt:
    """The prompt that ``text`` describes; raises PromptError naming every problem at once."""
    text = text.replace("\r\n", "\n")
    head = _VARIABLES.match(text)
    if head is None:
        raise PromptError(f"the prompt '{name}' does not begin with a line <!-- variables: ... -->")
    variables = tuple(part.strip() for part in head["names"].split(",") if part.strip())
    before, *parts = _ROLE.split(text[head.end() :])
    problems = [f"'{variable}' is not a variable name" for variable in variables if not _NAME.fullmatch(variable)]
    problems += [f"'{variable}' is declared twice" for variable in _repeated(variables)]
    if before.strip():
        problems.append("there is text before its first <!-- system --> or <!-- user -->")
    # re.split with one group alternates roles and contents.
    messages = tuple(
        Message(cast(_Role, role), content.strip()) for role, content in zip(parts[::2], parts[1::2], strict=True)
    )
    if not any(message.role == "user" for message in messages):
        problems.append("it has no <!-- user --> part")
    problems += [f"its {message.role} part is empty" for message in messages if not message.content]
    used = [placeholder for message in messages for placeholder in _PLACEHOLDER.findall(message.content)]
    problems += [
        f"{{{{{used_name}}}}} is not declared" for used_name in dict.fromkeys(used) if used_name not in variables
    ]
    problems += [f"'{variable}' is declared but not used" for variable in variables if variable not in used]
    if problems:
        raise PromptError(f"the prompt '{name}' is malformed: {'; '.join(problems)}")
    return Prompt(name, text, variables, messages)


def _repeated(names: tuple[str, ...]) -> list[str]:
    counts: Mapping[str, int] = {name: names.count(name) for name in names}
    return [name for name, count in counts.items() if count > 1]

"""What an answer depends on, in hashes: the code, the prompts, the models that ship, the versions."""

from __future__ import annotations

import functools
import hashlib
import platform
from collections.abc import Mapping
from importlib import metadata, resources
from typing import Any
from urllib.parse import urlsplit

from rag.config import ModelConfig
from rag.llm import LanguageModel
from rag.saving import model_in_words

_PACKAGES = ("footnoted", "chromadb", "tantivy", "llama-index-core", "openai", "tiktoken", "onnxruntime", "numpy")
"""Those that have a part in an answer."""

_CODE = (".py", ".json", ".tsv")


def code_sha256(*parts: str) -> str:
    """SHA-256 hex over the code and tables of ``rag``, or of those files and folders of it."""
    return _sha256_of("rag", _CODE, parts)


def package_sha256() -> str:
    """The same over all of ``rag`` with the models that ship, and over the prompts."""
    return hashlib.sha256((_sha256_of("rag", ("",), ()) + _sha256_of("prompts", ("",), ())).encode()).hexdigest()


@functools.cache
def _sha256_of(package: str, endings: tuple[str, ...], parts: tuple[str, ...]) -> str:
    """Read once: what was imported does not change with the files."""
    root = resources.files(package)
    digest = hashlib.sha256()

    def read(entry: Any, path: str) -> None:
        if entry.is_dir():
            for inner in sorted(entry.iterdir(), key=lambda inner: inner.name):
                if inner.name != "__pycache__":
                    read(inner, f"{path}/{inner.name}")
        elif entry.name.endswith(endings):
            data = entry.read_bytes()
            digest.update(f"{path} {len(data)}\n".encode() + data)

    for part in parts or ("",):
        read(root.joinpath(part) if part else root, part)
    return digest.hexdigest()


def model_identity(model: LanguageModel | None) -> dict[str, Any] | None:
    """None in quoting mode; of the address only what names the server, since keys can hide in the rest."""
    known = model_in_words(model)
    config = getattr(model, "config", None)
    if known is not None and isinstance(config, ModelConfig):
        address = urlsplit(config.base_url)
        del known["host"]
        known["endpoint"] = f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}"
    return known


def versions() -> Mapping[str, str | None]:
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # a checkout that was not installed
        return None

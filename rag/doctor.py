"""What is configured, what is reachable, what is in the library, and what would leave this machine."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rag.config import Config, EmbeddingConfig, ModelConfig
from rag.errors import FootnotedError
from rag.library import Library
from rag.readers.file import shown

TIMEOUT_SECONDS = 5.0


def examine(config: Config, *, quote_only: bool = False) -> dict[str, Any]:
    """Findings as plain values for JSON; ``healthy`` is False if something configured does not work.

    Asks each configured endpoint for its list of models, and nothing else on the network.
    """
    model = None if quote_only else config.model
    findings: dict[str, Any] = {
        "configuration_file": shown(config.file) if config.file else None,
        "library": _library(config),
        "model": _model(model) if model else None,
        "embedding": _endpoint(config.embedding, "embedding") if config.embedding else {"kind": "bundled"},
        "warnings": list(config.warnings),
    }
    leaves = []
    if model and model.gguf is None:
        leaves.append(
            f"questions, the turns before them and the sentences that were found for them, to {_host(model.base_url)}"
        )
    if config.embedding:
        leaves.append(f"questions, titles and abstracts, to {_host(config.embedding.base_url)}")
    findings["leaves_this_machine"] = leaves
    parts = (findings["library"], findings["model"], findings["embedding"])
    findings["healthy"] = not any(part and part.get("problem") for part in parts)
    return findings


def in_words(findings: dict[str, Any]) -> str:
    library, model, embedding = findings["library"], findings["model"], findings["embedding"]
    lines = [
        f"library     {library['path']}: " + (library.get("problem") or _n_papers(library["papers"])),
        "answers     quoting mode (no model is configured)" if model is None else f"answers     {_in_words(model)}",
        "embedding   the bundled model" if embedding["kind"] == "bundled" else f"embedding   {_in_words(embedding)}",
        f"settings    {findings['configuration_file'] or 'no configuration file; defaults, environment and flags'}",
    ]
    leaves = findings["leaves_this_machine"]
    lines += [f"leaves      {what}" for what in leaves] or ["leaves      nothing leaves this machine"]
    lines += [f"note        {warning}" for warning in findings["warnings"]]
    lines.append(
        "everything configured works" if findings["healthy"] else "something configured does not work: see above"
    )
    return "\n".join(lines)


def _n_papers(n: int) -> str:
    if n == 0:
        return "empty; footnoted add FILE brings papers in"
    return f"{n:,} paper" if n == 1 else f"{n:,} papers"


def _in_words(endpoint: dict[str, Any]) -> str:
    if endpoint["kind"] == "file":
        return f"{endpoint['name']}, run here from {endpoint['path']}: {endpoint.get('problem') or 'there'}"
    state = endpoint.get("problem") or "reachable"
    return f"{endpoint['name']} at {endpoint['host']}: {state}; key from {endpoint['key_env']} ({endpoint['key']})"


def _library(config: Config) -> dict[str, Any]:
    found: dict[str, Any] = {"path": shown(config.library)}
    try:
        with Library.open(config.library, store=config.store) as library:
            found["papers"] = len(library)
            found["made_with"] = library.fingerprint
            if config.embedding is None and len(library):
                _ = library.embedder  # raises if another embedding made it
            problems = library.verify()
            if problems:
                found["problem"] = f"its parts disagree: {problems[0]}"
    except FootnotedError as error:
        found["problem"] = str(error)
        found.setdefault("papers", 0)
    return found


def _model(config: ModelConfig) -> dict[str, Any]:
    if config.gguf is None:
        return _endpoint(config, "model")
    found: dict[str, Any] = {"kind": "file", "name": config.name, "path": shown(Path(config.gguf).expanduser())}
    if not Path(config.gguf).expanduser().is_file():
        found["problem"] = "the file does not exist: correct 'gguf' in the configuration"
    elif importlib.util.find_spec("xllamacpp") is None:
        found["problem"] = "xllamacpp is not installed: pip install 'footnoted[local]'"
    return found


def _endpoint(config: ModelConfig | EmbeddingConfig, kind: str) -> dict[str, Any]:
    """Reachable means that the address answers like an OpenAI-compatible server, with the key if one is set."""
    found: dict[str, Any] = {
        "kind": kind,
        "host": _host(config.base_url),
        "name": config.name,
        "key_env": config.key_env,
        "key": "set" if os.environ.get(config.key_env) else "not set",
    }
    try:
        request = urllib.request.Request(config.base_url.rstrip("/") + "/models")
    except ValueError:
        found["problem"] = "not an address"
        return found
    if os.environ.get(config.key_env):
        request.add_header("Authorization", f"Bearer {os.environ[config.key_env]}")
    try:
        with _opener(request).open(request, timeout=TIMEOUT_SECONDS) as reply:
            served = [item.get("id") for item in json.load(reply).get("data", [])]
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (401, 403):
            found["problem"] = f"it refuses the key ({error.code}): check {config.key_env}"
        elif 300 <= error.code < 400:
            found["problem"] = f"it redirects elsewhere ({error.code}), which is not followed: correct the address"
        elif error.code not in (404, 405):  # some servers have no list of models
            found["problem"] = f"it answers {error.code}"
        return found
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
        found["problem"] = "it answers, but not like an OpenAI-compatible endpoint: the address usually ends in /v1"
        return found
    except (OSError, ValueError, http.client.HTTPException):
        found["problem"] = "not reachable: start it, or correct the address"
        return found
    if served and config.name not in served:
        found["problem"] = f"it does not list this model (it lists {', '.join(map(str, served[:3]))})"
    return found


def _host(url: str) -> str:
    """Host and port alone: an address may hold a user name and a password."""
    try:
        address = urlsplit(url)
        return (address.hostname or "?") + (f":{address.port}" if address.port else "")
    except ValueError:  # a port that is no number
        return "?"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to a host that nobody configured."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _opener(request: urllib.request.Request) -> urllib.request.OpenerDirector:
    """As questions are sent: no redirects, and no proxy on the way to this machine itself."""
    is_here = (urlsplit(request.full_url).hostname or "") in ("localhost", "127.0.0.1", "::1")
    proxies = urllib.request.ProxyHandler({} if is_here else None)
    return urllib.request.build_opener(_NoRedirect, proxies)

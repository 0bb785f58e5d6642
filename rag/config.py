"""One frozen object of plain values, built once at an entry point and passed down.

Order, later wins: defaults, ``footnoted.toml``, environment, flags. Building it opens
nothing and loads no model. A key is never held here, only the name of the environment
variable that has it.
"""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from rag.errors import ConfigError

N_SOURCES = 6
"""How many papers at most are put before the answerer."""

Evidence = Literal["auto", "abstracts", "sentences"]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """An OpenAI-compatible chat endpoint, or a model file; there is no default one."""

    base_url: str = ""
    name: str = ""
    """As the endpoint calls it; of a file its own name, if none is given."""
    gguf: str | None = None
    """A model file that is run in this process, instead of an endpoint (``footnoted[local]``)."""
    key_env: str = "OPENAI_API_KEY"
    """The variable that holds the key; an unset one sends a placeholder, as local servers expect."""
    context_tokens: int = 8192
    max_output_tokens: int = 700
    temperature: float = 0.0
    seed: int | None = None
    """Sent along where it is set; some servers then repeat themselves letter for letter."""
    first_token_seconds: float = 120.0
    """A 1,200-token prompt takes a 1.5B model 28 s on two cores."""
    total_seconds: float = 300.0
    max_retries: int = 2
    evidence: Evidence = "auto"
    """``sentences`` sends only the best sentences; ``auto`` does so below 8,000 tokens of context."""
    rewrite: bool = True
    """Let it say what a follow-up stands for, and put a question that is not in English into English for the search."""
    price_in: float | None = None
    price_out: float | None = None
    """What a million tokens cost, read and written, in whatever currency you think in."""


@dataclass(frozen=True, slots=True)
class EmbeddingConfig:
    """An OpenAI-compatible embedding endpoint, instead of the bundled model."""

    base_url: str
    name: str
    key_env: str = "OPENAI_API_KEY"
    timeout_seconds: float = 60.0
    batch_size: int = 64


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """A Chroma server that holds the vectors, instead of the library's own folder."""

    url: str
    key_env: str = "CHROMA_API_KEY"
    """The variable that holds the key, where one is needed (Chroma's cloud)."""
    tenant: str = "default_tenant"
    database: str = "default_database"

    @property
    def address(self) -> str:
        """Scheme, host and port alone, as the library remembers them: a URL may hold a password."""
        url = urlsplit(self.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        return f"{url.scheme}://{url.hostname}:{port}/{self.tenant}/{self.database}"


@dataclass(frozen=True, slots=True)
class Config:
    library: Path
    model: ModelConfig | None = None
    embedding: EmbeddingConfig | None = None
    store: StoreConfig | None = None
    n_sources: int = N_SOURCES
    verified_only: bool = False
    """Show only sentences that the check supports, and say how many were left out."""
    repair: bool = True
    """Let the model rewrite a sentence that fails the check, once, and find missing footnotes."""
    rerank: bool = True
    """Let the cross-encoder read the best sentences; without it a search takes a tenth of the time."""
    judge: str = "default"
    """Who checks the sentences: a name of ``rag.judge.opening``; 'default+llm' asks the model where it is unsure."""
    warnings: tuple[str, ...] = field(default=())
    """Things that look like a mistake: an endpoint without a model name."""
    file: Path | None = None
    """The configuration file that was read; None if there was none."""


def default_library() -> Path:
    """The library in the user's data folder (``$XDG_DATA_HOME/footnoted/library`` on Linux)."""
    import platformdirs

    return Path(platformdirs.user_data_dir("footnoted", appauthor=False)) / "library"


def libraries_folder() -> Path:
    """Where named libraries are."""
    return default_library().with_name("libraries")


def library_path(chosen: Path | str) -> Path:
    """The folder that ``--library`` means: ``@name`` is one in the user's data folder. Raises ConfigError."""
    text = str(chosen)
    if not text.startswith("@"):
        return Path(text).expanduser()
    if not re.fullmatch(r"@[A-Za-z0-9][\w.-]{0,63}", text, re.ASCII):
        raise ConfigError(
            f"'{text}' is no name for a library: '@' and at most 64 letters, digits, dots, dashes and underscores"
        )
    return libraries_folder() / text[1:]


def config_file() -> Path:
    import platformdirs

    return Path(platformdirs.user_config_dir("footnoted", appauthor=False)) / "footnoted.toml"


def load(
    *,
    library: Path | str | None = None,
    base_url: str | None = None,
    model: str | None = None,
    store: str | None = None,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    **flags: Any,
) -> Config:
    """The configuration from defaults, file, environment and these flags (None: not given).

    ``model`` names a model of the endpoint, or a ``[model.NAME]`` profile of the file.
    Raises ConfigError naming every problem at once.
    """
    environ = os.environ if environ is None else environ
    path, written = _read_file(file, environ)
    problems: list[str] = []
    profiles = written.pop("model", {})
    if not isinstance(profiles, dict) or not all(isinstance(profile, dict) for profile in profiles.values()):
        problems.append("'model' must hold tables: write [model.NAME] with base_url and name below it")
        profiles = {}
    embedding = _table(EmbeddingConfig, written.pop("embedding", None), "embedding", problems)
    held = written.pop("store", None)
    held = {"url": held} if isinstance(held, str) else held
    if named_store := store or environ.get("FOOTNOTED_STORE"):
        # The address is another one; whose key it takes may stand in the file.
        held = {**(held if isinstance(held, dict) else {}), "url": named_store}
    chosen_store = _table(StoreConfig, held, "store", problems)
    chosen_profile = model if model in profiles else environ.get("FOOTNOTED_PROFILE") or written.pop("profile", None)
    written.pop("profile", None)
    if not isinstance(chosen_profile, str | None):
        problems.append(f"'profile' must be a text, not {chosen_profile!r}")
        chosen_profile = None
    known = {f.name for f in dataclasses.fields(Config)} - {"model", "embedding", "store", "warnings", "file"}
    problems += [f"unknown setting '{key}' (known: {', '.join(sorted(known))})" for key in written if key not in known]

    warnings: list[str] = []
    chosen: ModelConfig | None = None
    url = base_url or environ.get("OPENAI_BASE_URL") or None
    name = None if model in profiles else model
    name = name or environ.get("FOOTNOTED_MODEL") or environ.get("OPENAI_MODEL") or None
    if chosen_profile is not None and not (base_url and name):
        if chosen_profile not in profiles:
            problems.append(f"no profile [model.{chosen_profile}] in the configuration file")
        else:
            chosen = _endpoint_or_file(profiles[chosen_profile], f"model.{chosen_profile}", problems)
    elif url and name:
        chosen = ModelConfig(base_url=url, name=name)
    elif url:
        warnings.append(
            "OPENAI_BASE_URL is set but no model is named, so nothing is sent there: "
            "name one with FOOTNOTED_MODEL or --model"
        )
    elif name:
        problems.append(
            f"the model '{name}' is named without an endpoint: set OPENAI_BASE_URL or --base-url "
            "(OpenAI's own is https://api.openai.com/v1)"
        )
    for what, endpoint in (("model", chosen), ("embedding", embedding)):
        is_file = getattr(endpoint, "gguf", None) is not None
        if endpoint is not None and not is_file and not endpoint.base_url.startswith(("http://", "https://")):
            # Not repeated: an address may hold a password.
            problems.append(f"the {what}'s base_url does not begin with http:// or https://")
    if chosen_store is not None and not _is_address(chosen_store.url):
        problems.append("the store's url is no address such as http://localhost:8000")

    for key, (kind, words) in _PLAIN_SETTINGS.items():
        if key in written and (not _is(kind, written[key]) or (kind is int and written[key] < 1)):
            problems.append(f"'{key}' must be {words}, not {written.pop(key)!r}")
    values: dict[str, Any] = {key: value for key, value in written.items() if key in known}
    values.update({key: value for key, value in flags.items() if value is not None})
    chosen_library = library or environ.get("FOOTNOTED_LIBRARY") or values.pop("library", None) or default_library()
    values.pop("library", None)
    if problems:
        raise ConfigError("; ".join(problems))
    return Config(
        library=library_path(chosen_library),
        model=chosen,
        embedding=embedding,
        store=chosen_store,
        warnings=tuple(warnings),
        file=path,
        **values,
    )


def _is_address(url: str) -> bool:
    try:
        address = urlsplit(url)
        return address.scheme in ("http", "https") and bool(address.hostname) and (address.port or 1) > 0
    except ValueError:  # a port that is no number
        return False


_IN_WORDS: dict[type, str] = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
_PLAIN_SETTINGS: dict[str, tuple[type, str]] = {
    "library": (str, "a text"),
    "n_sources": (int, "a whole number above zero"),
    "verified_only": (bool, "true or false"),
    "repair": (bool, "true or false"),
    "rerank": (bool, "true or false"),
    "judge": (str, "a text"),
}
_MAY_BE_ZERO = ("temperature", "max_retries", "seed", "price_in", "price_out")


def _is(kind: type, value: object) -> bool:
    """As ``isinstance``, but true and false are no numbers, and a whole number will do for any."""
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    if kind is float:
        return isinstance(value, int | float)
    return isinstance(value, kind)


def _read_file(file: Path | None, environ: Mapping[str, str]) -> tuple[Path | None, dict[str, Any]]:
    named = file or (Path(environ["FOOTNOTED_CONFIG"]) if environ.get("FOOTNOTED_CONFIG") else None)
    path = named or config_file()
    try:
        with open(path, "rb") as stream:
            return path, tomllib.load(stream)
    except FileNotFoundError:
        if named is not None:
            raise ConfigError(f"the configuration file {path} does not exist") from None
        return None, {}
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration file {path} cannot be read: {error}") from error


def _endpoint_or_file(values: Mapping[str, object], name: str, problems: list[str]) -> ModelConfig | None:
    """The model with a name of its own; None, and why, where it is neither or both."""
    before = len(problems)
    if "gguf" in values and "base_url" in values:
        problems.append(f"[{name}] has both 'base_url' and 'gguf': a model is an endpoint or a file")
    elif "gguf" not in values:
        problems += [f"'{key}' is missing in [{name}]" for key in ("base_url", "name") if not values.get(key)]
    found: ModelConfig | None = _table(ModelConfig, values, name, problems)
    if found is None or len(problems) > before:
        return None
    return dataclasses.replace(found, name=found.name or Path(found.gguf or "").stem)


def _table(kind: type[Any], values: object, name: str, problems: list[str]) -> Any:
    """``values`` as a ``kind``; every unknown key, missing key and wrong type goes to ``problems``."""
    if values is None:
        return None
    if not isinstance(values, dict):
        problems.append(f"[{name}] is not a table")
        return None
    fields = {f.name: f for f in dataclasses.fields(kind)}
    before = len(problems)
    for key, value in values.items():
        if key not in fields:
            problems.append(f"unknown setting '{key}' in [{name}] (known: {', '.join(sorted(fields))})")
            continue
        expected = str(fields[key].type).removesuffix(" | None")
        wanted = {"int": int, "float": float, "bool": bool}.get(expected, str)
        if not _is(wanted, value):
            problems.append(f"'{key}' in [{name}] must be {_IN_WORDS[wanted]}, not {value!r}")
        elif key == "evidence" and value not in get_args(Evidence):
            problems.append(f"'{key}' in [{name}] must be one of {', '.join(get_args(Evidence))}, not {value!r}")
        elif wanted in (int, float) and (value < 0 or (value == 0 and key not in _MAY_BE_ZERO)):
            problems.append(f"'{key}' in [{name}] must be above zero, not {value!r}")
    problems += [
        f"'{f.name}' is missing in [{name}]"
        for f in fields.values()
        if f.default is dataclasses.MISSING and f.name not in values
    ]
    return None if len(problems) > before else kind(**values)

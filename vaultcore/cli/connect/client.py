"""The clients of clients.yaml: how each is connected, with the gateway's URL, a model and a key filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from importlib import resources
from pathlib import Path
from typing import cast

from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

KEY_VARIABLE = "VAULTEDGE_KEY"
FIELD = re.compile(r"\{(url|base|model|key)\}")


@dataclass(frozen=True, slots=True)
class ConnectSettings:
    """The values that a client needs. `key` may also be a shell expression or a placeholder."""

    url: str  # of the gateway, without /v1
    model: str
    key: str

    def fill(self, text: str) -> str:
        values = {"url": self.url, "base": f"{self.url}/v1", "model": self.model, "key": self.key}
        return FIELD.sub(lambda match: values[match[1]], text)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file of a client's configuration."""

    name: str
    folder: str  # the default, with ~
    format: str  # "json", "toml", "yaml" or "dotenv"
    content: object
    variable: str = ""  # the client's environment variable that names another folder

    def path(self, environ: Mapping[str, str]) -> Path:
        folder = (self.variable and environ.get(self.variable)) or self.folder
        home = environ.get("HOME", "")
        return Path(folder.replace("~", home, 1) if folder.startswith("~") else folder) / self.name

    @property
    def has_key(self) -> bool:
        """Return True if the file contains the key, because the client cannot read it from a variable."""
        return any("{key}" in text for text in _strings(self.content))

    def filled(self, settings: ConnectSettings) -> object:
        """Return the content for these settings."""
        return _fill(self.content, settings)


@dataclass(frozen=True, slots=True)
class Client:
    """A client and its configuration: a program with a command, or a library with code."""

    id: str
    title: str
    api: str  # of the gateway: "chat", "messages", "responses" or "gemini"
    command: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    files: tuple[ConfigFile, ...] = ()
    packages: str = ""  # of a library
    language: str = ""
    code: str = ""
    notes: tuple[str, ...] = ()


def load_clients() -> dict[str, Client]:
    """Return the clients by id, in the order of the file."""
    import yaml

    text = resources.files("vaultcore.cli.connect").joinpath("clients.yaml").read_text("utf-8")
    return {name: _client(name, row) for name, row in cast(dict[str, Json], yaml.safe_load(text)).items()}


def _client(name: str, row: Json) -> Client:
    files = tuple(ConfigFile(**each) for each in row.get("files", ()))
    return Client(**{**row, "id": name, "files": files, "notes": tuple(row.get("notes", ()))})


def _strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for name, each in value.items():
                yield name
                yield from _strings(each)
        case list():
            for each in value:
                yield from _strings(each)


def _fill(value: object, settings: ConnectSettings) -> object:
    match value:
        case str():
            return settings.fill(value)
        case dict():
            return {settings.fill(name): _fill(each, settings) for name, each in value.items()}
        case list():
            return [_fill(each, settings) for each in value]
        case _:
            return value

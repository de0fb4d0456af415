"""The text to copy for connecting a client: shell lines and files, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from vaultcore.cli.connect.client import KEY_VARIABLE, Client, ConnectSettings
from vaultcore.cli.connect.text import render, render_exports

PLACEHOLDER = "vg-your-key"  # where a file has the key and it is not shown


@dataclass(frozen=True, slots=True)
class Block:
    """A text and where it belongs: the shell, or a file's path with ~."""

    place: str  # "" for the shell
    format: str
    text: str


def shell_block(client: Client, settings: ConnectSettings) -> Block:
    """Return the lines for a shell. The key is read from $VAULTEDGE_KEY."""
    in_shell = replace(settings, key=f"${KEY_VARIABLE}")
    environment = {name: in_shell.fill(value) for name, value in client.environment.items()}
    command = in_shell.fill(client.command)
    return Block("", "sh", f"{render_exports(environment)}{command}\n")


def file_blocks(client: Client, settings: ConnectSettings) -> Iterator[Block]:
    """Yield the client's files, with the key where they have one."""
    for file in client.files:
        place = f"{file.folder}/{file.name}"
        yield Block(place, file.format, render(file.filled(settings), file.format))


def needs_key_variable(client: Client) -> bool:
    """Return True if the client, or the shell lines for it, read $VAULTEDGE_KEY."""
    texts = [*client.environment.values(), *(str(file.content) for file in client.files)]
    return any("{key}" in text or KEY_VARIABLE in text for text in texts)

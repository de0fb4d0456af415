"""The text to copy for connecting a client: shell lines and files, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from vaultcore.cli.connect.client import KEY_VARIABLE, Client, ConnectSettings
from vaultcore.cli.connect.text import render, render_exports
from vaultcore.lazy_dataclass import dataclass

PLACEHOLDER = "vg-your-key"  # where a file has the key and it is not shown


@dataclass(frozen=True, slots=True)
class Block:
    """A text, and the place where it belongs."""

    place: str  # "shell", "code" or a file's path with ~
    format: str  # "sh", "json", "toml", "yaml", "dotenv", "python" or "javascript"
    text: str


def blocks(client: Client, settings: ConnectSettings) -> Iterator[Block]:
    """Yield the blocks of a client: for the shell, its files, its code. Most read VAULTEDGE_KEY."""
    if client.environment:
        yield shell_block(client, settings)
    for file in client.files:
        yield Block(f"{file.folder}/{file.name}", file.format, render(file.filled(settings), file.format))
    if client.files and not client.environment:
        yield shell_block(client, settings)
    if client.code:
        yield Block("code", client.language, settings.fill(client.code))


def shell_block(client: Client, settings: ConnectSettings) -> Block:
    """Return the lines for a shell. The key is read from $VAULTEDGE_KEY."""
    in_shell = replace(settings, key=f"${KEY_VARIABLE}")
    environment = {name: in_shell.fill(value) for name, value in client.environment.items()}
    return Block("shell", "sh", f"{render_exports(environment)}{in_shell.fill(client.command)}\n")

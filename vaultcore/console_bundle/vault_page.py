"""The vault's page as one file, for a computer without a network: its own policy lets it talk to nobody."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vaultcore.console_bundle.bundler import pack

NAME = "vaultedge-vault.html"
FILES = Path(__file__).parent.parent / "console"
ENTRY = "views/vault/alone.js"
SHEETS = ("style/base.css", "style/layout.css", "style/parts.css", "style/vault.css")
LICENSES = ("vendor/preact.LICENSE.txt", "vendor/htm.LICENSE.txt")
# A policy in the file itself cannot say `frame-ancestors`; what serves the file does.
POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; img-src data:; connect-src 'none'; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
PAGE = """<!doctype html>
<!-- VaultEdge's vault: provider keys are sealed into one string, and opened, in this file alone. It holds all
its code, asks nobody for anything, and stores nothing; the policy below has the browser hold it to that.
What it has of others comes under these licences:

{licenses}
-->
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Vault · VaultEdge</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<div id="vault"></div>
<noscript>This page computes in the browser: it needs JavaScript.</noscript>
<script>{script}</script>
</body>
</html>
"""
ENDINGS = {"style": "</style", "script": "</script", "licenses": "-->"}


class Unembeddable(ValueError):
    """A part of the page would end the element that it stands in."""

    def __init__(self, part: str) -> None:
        self.part = part
        super().__init__(f"the page's {part} holds what would end it")


@dataclass(frozen=True, slots=True)
class Alone:
    """The file, the policy that is in it, and the SHA-256 by which it is known."""

    content: bytes
    policy: str
    digest: str


@cache
def page() -> Alone:
    """The file, made of the package's own; the same bytes for the same sources. Raises Unembeddable."""
    sources = {path.relative_to(FILES).as_posix(): _text(path) for path in FILES.rglob("*.js")}
    return made(
        script=pack(sources, ENTRY),
        style=_joined(FILES / name for name in SHEETS),
        licenses=_joined(FILES / name for name in LICENSES),
    )


def made(*, script: str, style: str, licenses: str) -> Alone:
    """A file of these parts."""
    parts = {"script": script, "style": style, "licenses": licenses}
    for part, text in parts.items():
        # Behind `<!--`, and in it `<script`, a script's end is not seen.
        if ENDINGS[part] in text.lower() or "<!--" in text or "\r" in text:
            raise Unembeddable(part)
    policy = POLICY.format(script=_source(script), style=_source(style))
    content = PAGE.format(policy=policy, **parts).encode()
    return Alone(content, policy, hashlib.sha256(content).hexdigest())


def _joined(paths: Iterable[Path]) -> str:
    return "\n".join(_text(path) for path in paths)


def _text(path: Path) -> str:
    return path.read_text("utf-8")


def _source(text: str) -> str:
    """What a policy calls an element with that text."""
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"

"""Builds the offline vault page: one HTML file whose content security policy blocks all connections."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from vaultcore.console_bundle.bundler import bundle_modules
from vaultcore.lazy_dataclass import dataclass

NAME = "vaultedge-vault.html"
FILES = Path(__file__).parent.parent / "console"
ENTRY = "views/vault/offline.js"
SHEETS = ("style/base.css", "style/layout.css", "style/parts.css", "style/vault.css")
LICENSES = ("vendor/preact.LICENSE.txt", "vendor/htm.LICENSE.txt")
# A policy in a meta element cannot contain `frame-ancestors`; the server adds it as a header.
POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; img-src data:; connect-src 'none'; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
PAGE = """<!doctype html>
<!-- The VaultEdge vault: seals provider keys into one string and opens it. This file contains all its code,
makes no requests and stores nothing; the policy below makes the browser enforce that.
Third-party code in this file is under these licences:

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
<noscript>This page requires JavaScript.</noscript>
<script>{script}</script>
</body>
</html>
"""
ENDINGS = {"style": "</style", "script": "</script", "licenses": "-->"}


class EmbeddingError(ValueError):
    """A part of the page contains text that would end its HTML element."""

    def __init__(self, part: str) -> None:
        self.part = part
        super().__init__(f"the page's {part} contains text that would end its element")


@dataclass(frozen=True, slots=True)
class VaultPage:
    """The page's bytes, its content security policy and its SHA-256 in hexadecimal."""

    content: bytes
    policy: str
    digest: str


@cache
def build_page() -> VaultPage:
    """Build the page from the console's sources. The output is deterministic. Raises EmbeddingError."""
    sources = {path.relative_to(FILES).as_posix(): _text(path) for path in FILES.rglob("*.js")}
    return render_page(
        script=bundle_modules(sources, ENTRY),
        style=_read_all(FILES / name for name in SHEETS),
        licenses=_read_all(FILES / name for name in LICENSES),
    )


def render_page(*, script: str, style: str, licenses: str) -> VaultPage:
    """Return a page with these parts. Raises EmbeddingError."""
    parts = {"script": script, "style": style, "licenses": licenses}
    for part, text in parts.items():
        # After `<!--` and `<script`, an HTML parser ignores the script's end tag.
        if ENDINGS[part] in text.lower() or "<!--" in text or "\r" in text:
            raise EmbeddingError(part)
    policy = POLICY.format(script=_source(script), style=_source(style))
    content = PAGE.format(policy=policy, **parts).encode()
    return VaultPage(content, policy, hashlib.sha256(content).hexdigest())


def _read_all(paths: Iterable[Path]) -> str:
    return "\n".join(_text(path) for path in paths)


def _text(path: Path) -> str:
    return path.read_text("utf-8")


def _source(text: str) -> str:
    """Return the policy source for an inline element with this text."""
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"

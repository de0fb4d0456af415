"""What a browser gets of the console: page, script, sheet and docs, each as it is and compressed."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from vaultcore.console_bundle.bundler import pack
from vaultcore.console_bundle.lexer import tidied
from vaultcore.console_bundle.vault_page import page

PAGE, VAULT_PAGE = "index.html", "vault.html"
SHEET = re.compile(r'<link rel="stylesheet" href="([^"]+)">\n')
SCRIPT = re.compile(r'<script type="module" src="([^"]+)">')
# A quarter of all code, which Markdown alone needs. As it is not ours, its names outlast our versions.
APART = ("vendor/marked.js", "vendor/purify.js")
READ = ("*.html", "*.js", "*.css", "*.md")


@dataclass(frozen=True, slots=True)
class Held:
    """An answer's body, and the same as gzip."""

    content: bytes = field(repr=False)
    kind: str
    gzipped: bytes = field(repr=False)
    digest: str
    lasting: bool  # its name is of its content
    policy: str  # its own, in place of the console's

    @classmethod
    def of(cls, text: str, kind: str, *, lasting: bool = False, policy: str = "") -> Held:
        content = text.encode()
        digest = hashlib.sha256(content).hexdigest()[:16]
        return cls(content, kind, gzip.compress(content, 9, mtime=0), digest, lasting, policy)

    @classmethod
    def script(cls, text: str) -> Held:
        return cls.of(text, "text/javascript", lasting=True)


def site(files: Path) -> Mapping[str, Held]:
    """All that is served, by its name; nothing where there is no page. Raises UnpackableModule.

    The page's own links and its script say which sheets and which module are joined, and in which order.
    """
    if not (files / PAGE).is_file():
        return {}  # a bundle without the console
    index = (files / PAGE).read_text("utf-8")
    [entry] = SCRIPT.findall(index)
    modules = {path.relative_to(files).as_posix(): path.read_text("utf-8") for path in files.rglob("*.js")}
    sheets = [(files / name).read_text("utf-8") for name in SHEET.findall(index)]
    apart = {name: Held.script(tidied(modules[name])[0]) for name in APART if name in modules}
    addresses = {name: f"{Path(name).stem}.{held.digest}.js" for name, held in apart.items()}
    script = Held.script(pack(modules, entry, {name: f"./{at}" for name, at in addresses.items()}))
    sheet = Held.of("\n".join(sheets), "text/css", lasting=True)
    named = {f"console.{script.digest}.js": script, f"console.{sheet.digest}.css": sheet}
    unnamed = {"console.js": replace(script, lasting=False), "console.css": replace(sheet, lasting=False)}
    texts = {
        path.relative_to(files).as_posix(): Held.of(path.read_text("utf-8"), "text/markdown")
        for path in files.rglob("*.md")
    }
    others = {addresses[name]: held for name, held in apart.items()}
    return {PAGE: Held.of(_joined(index, *named), "text/html"), **named, **unnamed, **others, **texts}


@cache
def vault_page() -> Held:
    """The vault's page as one file, which is to be taken elsewhere."""
    file = page()
    policy = f"{file.policy}; frame-ancestors 'none'"
    return Held.of(file.content.decode(), "text/html", policy=policy)


def state(files: Path) -> frozenset[tuple[str, int]]:
    """What is another as soon as a file is added, removed or written."""
    return frozenset(_states(files))


def _states(files: Path) -> Iterator[tuple[str, int]]:
    for kind in READ:
        for path in files.rglob(kind):
            yield str(path), path.stat().st_mtime_ns


def _joined(index: str, script: str, sheet: str) -> str:
    """The page with one script and one sheet."""
    linked = SHEET.sub(f'<link rel="stylesheet" href="{sheet}">\n', index, count=1)
    kept = linked.index(sheet) + len(sheet)
    return SCRIPT.sub(f'<script type="module" src="{script}">', linked[:kept] + SHEET.sub("", linked[kept:]))

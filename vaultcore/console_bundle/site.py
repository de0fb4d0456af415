"""Builds the files that the console serves: page, script, style sheet and docs, plain and compressed."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from functools import cache
from pathlib import Path

from vaultcore.console_bundle.bundler import bundle_modules
from vaultcore.console_bundle.lexer import strip_comments
from vaultcore.console_bundle.vault_page import build_page
from vaultcore.lazy_dataclass import dataclass

PAGE, VAULT_PAGE = "index.html", "vault.html"
SHEET = re.compile(r'<link rel="stylesheet" href="([^"]+)">\n')
SCRIPT = re.compile(r'<script type="module" src="([^"]+)">')
# A quarter of all code, needed only for Markdown. Third-party code keeps its file names across our versions.
EXTERNAL = ("vendor/marked.js", "vendor/purify.js")
SOURCES = ("*.html", "*.js", "*.css", "*.md")


@dataclass(frozen=True, slots=True)
class Asset:
    """A response body, plain and as gzip."""

    content: bytes = field(repr=False)
    kind: str
    gzipped: bytes = field(repr=False)
    digest: str
    immutable: bool  # the file name contains the digest
    policy: str  # replaces the console's content security policy; may be empty

    @classmethod
    def of(cls, text: str, kind: str, *, immutable: bool = False, policy: str = "") -> Asset:
        content = text.encode()
        digest = hashlib.sha256(content).hexdigest()[:16]
        return cls(content, kind, gzip.compress(content, 9, mtime=0), digest, immutable, policy)

    @classmethod
    def script(cls, text: str) -> Asset:
        return cls.of(text, "text/javascript", immutable=True)


def build_assets(files: Path) -> Mapping[str, Asset]:
    """Return {file name: asset}; empty if the folder has no page. Raises BundleError.

    The links and the script of index.html define the style sheets, their order and the entry module.
    """
    if not (files / PAGE).is_file():
        return {}  # a bundle without the console
    index = (files / PAGE).read_text("utf-8")
    [entry] = SCRIPT.findall(index)
    modules = {path.relative_to(files).as_posix(): path.read_text("utf-8") for path in files.rglob("*.js")}
    sheets = [(files / name).read_text("utf-8") for name in SHEET.findall(index)]
    external = {name: Asset.script(strip_comments(modules[name])[0]) for name in EXTERNAL if name in modules}
    file_names = {name: f"{Path(name).stem}.{asset.digest}.js" for name, asset in external.items()}
    script = Asset.script(
        bundle_modules(modules, entry, {name: f"./{file}" for name, file in file_names.items()})
    )
    sheet = Asset.of("\n".join(sheets), "text/css", immutable=True)
    versioned = {f"console.{script.digest}.js": script, f"console.{sheet.digest}.css": sheet}
    unversioned = {
        "console.js": replace(script, immutable=False),
        "console.css": replace(sheet, immutable=False),
    }
    texts = {
        path.relative_to(files).as_posix(): Asset.of(path.read_text("utf-8"), "text/markdown")
        for path in files.rglob("*.md")
    }
    others = {file_names[name]: asset for name, asset in external.items()}
    return {
        PAGE: Asset.of(_link_assets(index, *versioned), "text/html"),
        **versioned,
        **unversioned,
        **others,
        **texts,
    }


@cache
def vault_page_asset() -> Asset:
    """Return the offline vault page as an asset."""
    page = build_page()
    policy = f"{page.policy}; frame-ancestors 'none'"
    return Asset.of(page.content.decode(), "text/html", policy=policy)


def file_state(files: Path) -> frozenset[tuple[str, int]]:
    """Return a value that changes when a source file is added, removed or written."""
    return frozenset(_file_times(files))


def _file_times(files: Path) -> Iterator[tuple[str, int]]:
    for kind in SOURCES:
        for path in files.rglob(kind):
            yield str(path), path.stat().st_mtime_ns


def _link_assets(index: str, script: str, sheet: str) -> str:
    """Return the page with links to one script and one style sheet."""
    linked = SHEET.sub(f'<link rel="stylesheet" href="{sheet}">\n', index, count=1)
    end = linked.index(sheet) + len(sheet)
    return SCRIPT.sub(f'<script type="module" src="{script}">', linked[:end] + SHEET.sub("", linked[end:]))

"""The offline vault page: deterministic bytes, and no code that could reach a network."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tools.build_vault_page import PLACES, replace_digest
from vaultcore.console_bundle.vault_page import EmbeddingError, build_page, render_page

# APIs that send data or store it beyond the page.
FORBIDDEN_APIS = (
    *(
        "fetch",
        "XMLHttpRequest",
        "WebSocket",
        "WebTransport",
        "EventSource",
        "sendBeacon",
        "RTCPeerConnection",
    ),
    *(
        "Worker",
        "importScripts",
        "serviceWorker",
        "import(",
        "window.open",
        "location",
        "submit(",
        "postMessage",
    ),
    *("localStorage", "sessionStorage", "indexedDB", "caches", "cookie", "eval(", "Function("),
)


class _Parts(HTMLParser):
    """Collects the file's elements, and the text of its script and style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in {"script", "style"} and data.strip():
            name = self.tags[-1][0]
            self.inside.setdefault(name, data)


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_self_contained() -> None:
    """The file refers to no other, and its script and style cannot request one or store anything."""
    parts = _Parts(build_page().content.decode())
    named = {
        value
        for _, attributes in parts.tags
        for name, value in attributes.items()
        if name in {"src", "href", "action", "srcset", "data"}
    }

    assert named == {"data:,"}
    assert [
        word for word in FORBIDDEN_APIS if re.search(rf"\b{re.escape(word)}", parts.inside["script"])
    ] == []
    assert set(re.findall(r"https?://[^\s\"'`]*", parts.inside["script"])) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|url\(", parts.inside["style"])


def test_the_policy_allows_only_its_own_code() -> None:
    """The policy precedes everything, and allows one script and one style by digest."""
    parts = _Parts(build_page().content.decode())
    [policy] = [each["content"] for tag, each in parts.tags if tag == "meta" and "http-equiv" in each]
    rules = dict(rule.split(" ", 1) for rule in str(policy).split("; "))

    assert [tag for tag, _ in parts.tags[:4]] == ["html", "head", "meta", "meta"]
    assert "http-equiv" in parts.tags[3][1]
    assert rules == {
        "default-src": "'none'",
        "connect-src": "'none'",
        "script-src": _digest(parts.inside["script"]),
        "style-src": _digest(parts.inside["style"]),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert sum(tag in {"script", "style"} for tag, _ in parts.tags) == 2


def test_the_digest_is_deterministic() -> None:
    """Every process builds the same bytes, whatever its hash seed."""
    script = "from vaultcore.console_bundle.vault_page import build_page; print(build_page().digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.strip()
        for seed in ("1", "2")
    }

    assert digests == {build_page().digest}
    assert hashlib.sha256(build_page().content).hexdigest() == build_page().digest


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_the_digest_is_published(place: Path) -> None:
    """The documentation and the console contain the file's SHA-256; `make docs` updates it."""
    text = place.read_text("utf-8")

    assert replace_digest(text, build_page().digest) == text, "the page has changed: run make docs"


@pytest.mark.parametrize("part", ["script", "style", "licenses"])
@pytest.mark.parametrize("text", ["</Script>", "</STYLE", "-->", "<!-- <script", "a\r\n"])
def test_a_part_must_not_end_its_element(part: str, text: str) -> None:
    """A part that would end its element, or be parsed differently than hashed, is rejected."""
    ends = {"script": "</Script>", "style": "</STYLE", "licenses": "-->"}
    parts = {"script": "1;", "style": "", "licenses": "", part: text}
    if text in ends.values() and text != ends[part]:
        assert render_page(**parts).content
        return
    with pytest.raises(EmbeddingError):
        render_page(**parts)

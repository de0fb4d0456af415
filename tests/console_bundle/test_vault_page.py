"""The vault's page as one file: the same bytes for everybody, with nothing in it that could reach anybody."""

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

from tools.build_vault_page import PLACES, written
from vaultcore.console_bundle.vault_page import Unembeddable, made, page

# What a script reaches others by, or keeps something with beyond its page.
REACHES = (
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
    """What the file's elements name, and what stands in its script and its style."""

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
    """The file names no other, and neither its script nor its styles can ask for one or keep anything."""
    parts = _Parts(page().content.decode())
    named = {
        value
        for _, attributes in parts.tags
        for name, value in attributes.items()
        if name in {"src", "href", "action", "srcset", "data"}
    }

    assert named == {"data:,"}
    assert [word for word in REACHES if re.search(rf"\b{re.escape(word)}", parts.inside["script"])] == []
    assert set(re.findall(r"https?://[^\s\"'`]*", parts.inside["script"])) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|url\(", parts.inside["style"])


def test_the_policy_lets_nothing_else_run() -> None:
    """The policy comes before all that it rules, and allows one script and one style by their digests."""
    parts = _Parts(page().content.decode())
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


def test_the_same_bytes_come_from_every_process() -> None:
    """What another process makes has the same SHA-256, whatever it hashes names with."""
    asked = "from vaultcore.console_bundle.vault_page import page; print(page().digest)"
    told = {
        subprocess.run(
            [sys.executable, "-c", asked],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.strip()
        for seed in ("1", "2")
    }

    assert told == {page().digest}
    assert hashlib.sha256(page().content).hexdigest() == page().digest


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_the_digest_is_published(place: Path) -> None:
    """The documentation and the console tell the file's SHA-256; `make docs` writes it anew."""
    text = place.read_text("utf-8")

    assert written(text, page().digest) == text, "the page has changed: make docs"


@pytest.mark.parametrize("part", ["script", "style", "licenses"])
@pytest.mark.parametrize("text", ["</Script>", "</STYLE", "-->", "<!-- <script", "a\r\n"])
def test_no_part_ends_its_element(part: str, text: str) -> None:
    """A part that would end its element, or be read otherwise than it was hashed, makes no file."""
    ends = {"script": "</Script>", "style": "</STYLE", "licenses": "-->"}
    parts = {"script": "1;", "style": "", "licenses": "", part: text}
    if text in ends.values() and text != ends[part]:
        assert made(**parts).content
        return
    with pytest.raises(Unembeddable):
        made(**parts)

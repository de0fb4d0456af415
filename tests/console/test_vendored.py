"""The console's third-party files: exactly the reviewed versions, with their licences."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

VENDOR = Path(__file__).parent.parent.parent / "vaultcore" / "console" / "vendor"
PINNED = {
    "preact.js": "72284e8e9079c87817145df1110f74e8a2aa040b2fc384922e18dfcb46fc1fd7",
    "htm.js": "ab33dd3f38059b9be4d5f5350128eefb2356639c4e0bbe9d9e8b3ba75847e9e4",
    "marked.js": "5371fea86fd0656b4fc7bea7c94c663109d82789b69433eeee78d42895aa44de",
    "purify.js": "1a06b721ad8b46d6174b21f22ea70290aaf3e5a81d65af3b7178113953f7c9b1",
}


def test_vendored_files_are_pinned() -> None:
    """Every script in vendor/ is pinned here and in vendored.json; there are no others."""
    pinned = json.loads((VENDOR / "vendored.json").read_text())

    assert {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.glob("*.js")
    } == PINNED
    assert {name: row["sha256"] for name, row in pinned.items()} == PINNED


def test_vendored_files_have_their_licences() -> None:
    """Every package has its licence file."""
    pinned = json.loads((VENDOR / "vendored.json").read_text())
    licences = {name for row in pinned.values() for name in row["licenses"]}

    assert licences == {path.name for path in VENDOR.glob("*.txt")}
    assert all(
        "MIT" in text or "Apache" in text or "Permission is hereby" in text
        for text in ((VENDOR / name).read_text() for name in licences)
    )


def test_only_one_module_imports_preact() -> None:
    """Only ui/html.js imports htm and Preact, because its binding keeps no pages in memory."""
    console = VENDOR.parent
    importing = {
        path.relative_to(console).as_posix()
        for path in console.rglob("*.js")
        if re.search(r"vendor/(?:preact|htm)\.js", path.read_text("utf-8"))
    }

    assert importing == {"ui/html.js"}

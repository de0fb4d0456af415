"""What the console carries of others: exactly the files that were looked at, with their licences."""

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


def test_vendored_files_are_those_that_were_looked_at() -> None:
    """Every script in vendor/ is pinned, here and in vendored.json; no other script is there."""
    told = json.loads((VENDOR / "vendored.json").read_text())

    assert {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.glob("*.js")
    } == PINNED
    assert {name: row["sha256"] for name, row in told.items()} == PINNED


def test_vendored_files_have_their_licences() -> None:
    """The licence of each package lies beside its file."""
    told = json.loads((VENDOR / "vendored.json").read_text())
    kept = {name for row in told.values() for name in row["licenses"]}

    assert kept == {path.name for path in VENDOR.glob("*.txt")}
    assert all(
        "MIT" in text or "Apache" in text or "Permission is hereby" in text
        for text in ((VENDOR / name).read_text() for name in kept)
    )


def test_templates_come_from_one_place() -> None:
    """Only ui/html.js imports htm and Preact: what it makes of them keeps nothing of a page that is gone."""
    console = VENDOR.parent
    importing = {
        path.relative_to(console).as_posix()
        for path in console.rglob("*.js")
        if re.search(r"vendor/(?:preact|htm)\.js", path.read_text("utf-8"))
    }

    assert importing == {"ui/html.js"}

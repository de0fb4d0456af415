"""Write the SHA-256 of the offline vault page to docs/vault.md and to the console.

python -m tools.build_vault_page
"""

from __future__ import annotations

import re
from pathlib import Path

from vaultcore.console_bundle.vault_page import build_page

ROOT = Path(__file__).resolve().parent.parent
PLACES = (ROOT / "docs/vault.md", ROOT / "vaultcore/console/views/vault/offline-digest.js")
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def replace_digest(text: str, digest: str) -> str:
    """Return the text with its digest replaced. Raises ValueError unless it contains exactly one."""
    replaced, count = DIGEST.subn(digest, text)
    if count != 1:
        raise ValueError(f"expected one digest, found {count}")
    return replaced


def main() -> None:
    digest = build_page().digest
    for place in PLACES:
        place.write_text(replace_digest(place.read_text("utf-8"), digest), "utf-8")
    print(digest)


if __name__ == "__main__":
    main()

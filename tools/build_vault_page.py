"""Write the SHA-256 of the vault's page as one file where it is published: docs/vault.md, and the console.

python -m tools.build_vault_page
"""

from __future__ import annotations

import re
from pathlib import Path

from vaultcore.console_bundle.vault_page import page

ROOT = Path(__file__).resolve().parent.parent
PLACES = (ROOT / "docs/vault.md", ROOT / "vaultcore/console/views/vault/alone-digest.js")
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def written(text: str, digest: str) -> str:
    """The text with its one digest replaced; raises ValueError where there is not just one."""
    told, count = DIGEST.subn(digest, text)
    if count != 1:
        raise ValueError(f"{count} digests where one stands")
    return told


def main() -> None:
    digest = page().digest
    for place in PLACES:
        place.write_text(written(place.read_text("utf-8"), digest), "utf-8")
    print(digest)


if __name__ == "__main__":
    main()

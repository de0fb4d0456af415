"""The golden cases of media APIs as values: golden/<kind>/<case>/case.json and responses.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.errors import InvalidRequest
from vaultcore.media import MediaApi, embeddings, images, moderations, offers

GOLDEN = Path(__file__).parent / "golden"
APIS: Mapping[str, MediaApi] = {"embeddings": embeddings, "images": images, "moderations": moderations}
CATALOG = load_builtin({"AWS_REGION": "us-east-1", "AZURE_OPENAI_RESOURCE": "house"})


def load(case: Path, name: str) -> Any:
    file = case / f"{name}.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else None


def api_of(case: Path) -> MediaApi:
    return APIS[case.parent.name]


def request_of(case: Path) -> Any:
    return load(case, "case")["request"]


def responses_of(case: Path) -> list[Any]:
    return load(case, "responses") or []


def target_of(case: Path) -> Target:
    fields = load(case, "case")
    provider = CATALOG.provider(fields["provider"])
    assert provider is not None
    return CATALOG.target(provider, fields["model"])


def offer_of(case: Path) -> MediaOffer:
    return offers.find_offer(target_of(case), api_of(case))


def _has_offer(case: Path) -> bool:
    try:
        offer_of(case)
    except InvalidRequest:
        return False
    return True


ALL = sorted(path.parent for path in GOLDEN.glob("*/*/case.json"))
CASES = [case for case in ALL if _has_offer(case)]  # those with a provider request

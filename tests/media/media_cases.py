"""The golden cases as values: golden/<kind>/<case>/case.json and answers.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vaultcore.catalog.load import builtin
from vaultcore.catalog.schema import Offer, Target
from vaultcore.errors import InvalidRequest
from vaultcore.media import MediaApi, embeddings, images, offers

GOLDEN = Path(__file__).parent / "golden"
ARTIFACTS: Mapping[str, MediaApi] = {"embeddings": embeddings, "images": images}
CATALOG = builtin({"AWS_REGION": "us-east-1", "AZURE_OPENAI_RESOURCE": "house"})


def load(case: Path, name: str) -> Any:
    file = case / f"{name}.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else None


def artifact_of(case: Path) -> MediaApi:
    return ARTIFACTS[case.parent.name]


def request_of(case: Path) -> Any:
    return load(case, "case")["request"]


def answers(case: Path) -> list[Any]:
    return load(case, "answers") or []


def target_of(case: Path) -> Target:
    told = load(case, "case")
    provider = CATALOG.provider(told["provider"])
    assert provider is not None
    return CATALOG.target(provider, told["model"])


def offer_of(case: Path) -> Offer:
    return offers.offer(target_of(case), artifact_of(case))


def _offered(case: Path) -> bool:
    try:
        offer_of(case)
    except InvalidRequest:
        return False
    return True


ALL = sorted(path.parent for path in GOLDEN.glob("*/*/case.json"))
CASES = [case for case in ALL if _offered(case)]  # those that some format answers

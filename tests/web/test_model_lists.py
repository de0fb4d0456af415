"""The list of models in the form that each client reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from anthropic.types import ModelInfo

from tests.fakes.gateway_app import build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider

ANTHROPIC = {"anthropic-version": "2023-06-01"}
MODELS = ["big", "claude-house", "fast", "one/gpt-fake"]
OVERLAY = """
providers:
  one: {{base_url: "{url}", local: true, static_models: [gpt-fake, text-embedding-9]}}
models:
  fast: {{primary: one/gpt-fake}}
  big: {{primary: one/gpt-fake}}
  claude-house: {{primary: one/gpt-fake}}
"""


def get(folder: Path, path: str, headers: dict[str, str] | None = None, **key: Any) -> httpx.Response:
    """Return the answer to a GET with a key that may use the models above."""
    with FakeProvider() as provider:
        overlay = folder / "lists.yaml"
        overlay.write_text(OVERLAY.format(url=provider.base_url))
        services = build_services(
            folder, provider, keys=[("one", "sk-one-0123456789")], providers_file=overlay
        )

        async def scenario(client: httpx.AsyncClient) -> httpx.Response:
            token = await issue_key(services, **{"models": tuple(MODELS), **key})
            return await client.get(path, headers={"authorization": f"Bearer {token}", **(headers or {})})

        return run_with_client(services, scenario)


def test_n20_anthropics_clients_get_anthropics_form(tmp_path: Path) -> None:
    """A client that sends `anthropic-version` gets models of type `model`, with names to show and pages."""
    body = get(tmp_path, "/v1/models?limit=1000", ANTHROPIC).json()

    models = [ModelInfo.model_validate(row) for row in body["data"]]
    assert {model.id for model in models} >= {"fast", "big", "claude-house"}
    assert all(model.type == "model" and model.display_name for model in models)
    assert body["has_more"] is False
    assert (body["first_id"], body["last_id"]) == (models[0].id, models[-1].id)
    one = ModelInfo.model_validate(get(tmp_path, "/v1/models/claude-house", ANTHROPIC).json())
    assert one.display_name == "claude-house"


@pytest.mark.parametrize(
    ("query", "ids", "has_more"),
    [
        ("limit=2", ["big", "claude-house"], True),
        ("limit=2&after_id=big", ["claude-house", "fast"], False),
        ("limit=2&before_id=fast", ["big", "claude-house"], False),
        ("limit=1&before_id=fast", ["claude-house"], True),
        ("after_id=fast", [], False),
    ],
)
def test_anthropics_pages(query: str, ids: list[str], has_more: bool, tmp_path: Path) -> None:
    """A page begins after `after_id`, or ends before `before_id`."""
    key = {"models": ("big", "claude-house", "fast")}
    body = get(tmp_path, f"/v1/models?{query}", ANTHROPIC, **key).json()

    assert [row["id"] for row in body["data"]] == ids
    assert body["has_more"] is has_more
    assert body["first_id"] == (ids[0] if ids else None)


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "after_id=nope"])
def test_an_invalid_page_is_an_error_of_anthropics(query: str, tmp_path: Path) -> None:
    """An invalid parameter is a 400 in the format of the client."""
    response = get(tmp_path, f"/v1/models?{query}", ANTHROPIC)

    assert response.status_code == 400
    assert response.json()["type"] == "error"


def test_n20_codex_gets_its_own_form(tmp_path: Path) -> None:
    """`client_version` asks for Codex's form, which has no instructions of the gateway's."""
    body = get(tmp_path, "/v1/models?client_version=0.171.0").json()

    rows = {row["slug"]: row for row in body["models"]}
    assert rows.keys() >= {"fast", "big"}
    assert rows["fast"]["visibility"] == "list"
    assert "base_instructions" not in rows["fast"]


def test_n20_googles_clients_get_googles_form(tmp_path: Path) -> None:
    """`/v1beta/models` has resource names and methods, in pages that follow each other."""
    key = {"models": ("big", "claude-house", "fast")}
    first = get(tmp_path, "/v1beta/models?pageSize=2", **key).json()
    second = get(tmp_path, f"/v1beta/models?pageSize=2&pageToken={first['nextPageToken']}", **key).json()

    names = [row["name"] for row in (*first["models"], *second["models"])]
    assert names == ["models/big", "models/claude-house", "models/fast"]
    assert "nextPageToken" not in second
    assert get(tmp_path, "/v1beta/models/fast").json()["supportedGenerationMethods"][0] == "generateContent"
    assert get(tmp_path, "/v1beta/models?pageToken=!").json()["error"]["status"] == "INVALID_ARGUMENT"


def test_googles_sdk_reads_models_at_v1(tmp_path: Path) -> None:
    """Google's SDK is recognized by its header at `/v1/models` as well."""
    body = get(tmp_path, "/v1/models", {"x-goog-api-client": "google-genai-sdk/3.6.1"}).json()

    assert {row["name"] for row in body["models"]} >= {"models/fast"}


def test_others_get_openais_form(tmp_path: Path) -> None:
    """Any other client gets OpenAI's form."""
    assert get(tmp_path, "/v1/models").json()["object"] == "list"


def test_every_form_lists_allowed_models_only(tmp_path: Path) -> None:
    """A key sees the models that it may use, whatever the form."""
    for path, headers in (
        ("/v1/models", ANTHROPIC),
        ("/v1/models?client_version=1", {}),
        ("/v1beta/models", {}),
    ):
        text = get(tmp_path, path, headers, models=("fast",)).text
        assert "fast" in text
        assert "claude-house" not in text

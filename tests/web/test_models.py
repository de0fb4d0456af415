"""`/v1/models`: the models that the vault's keys reach, under the names that clients request."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.fakes.gateway_app import run_gateway
from tests.fakes.provider import FakeProvider
from vaultcore.catalog.load import load_builtin, load_bytes
from vaultcore.catalog.schema import Model
from vaultcore.web.model_list.openai import pricing


def get(path: str, folder: Path) -> httpx.Response:
    with FakeProvider() as provider:
        return run_gateway(folder, provider, lambda client: client.get(path))


def test_only_reachable_models_are_listed(tmp_path: Path) -> None:
    """Routes over providers with a key are listed; models of providers without one are not."""
    listed = {row["id"]: row for row in get("/v1/models", tmp_path).json()["data"]}

    assert listed["fast"]["providers"] == ["one", "two"]
    fields = "object created owned_by type context_window max_output_tokens pricing capabilities"
    assert listed["fast"].keys() >= set(fields.split())
    assert "gpt-4o" not in listed


@pytest.mark.parametrize("name", ["fast", "one/gpt-fake"])
def test_a_model_is_found_by_each_of_its_names(name: str, tmp_path: Path) -> None:
    """A route and `provider/model` both return a model, including the slash."""
    row = get(f"/v1/models/{name}", tmp_path).json()

    assert (row["id"], row["object"]) == (name, "model")


def test_prices_are_exact(tmp_path: Path) -> None:
    """A price is a decimal string in US dollars per million tokens."""
    assert get("/v1/models/one/gpt-fake", tmp_path).json()["pricing"]["output"] == "10"


def test_every_price_is_listed() -> None:
    """Prices of tiers, service tiers, hours, requests, images and tokens are listed, if there are any."""
    flex = {"input": "0.5", "output": "4"}
    own = (
        "prices: {ollama/new: {input: 1, output: 8, audio_input: 0.25, request: 0.005,"
        " picture: {default: 0.02, hd: 0.04}, tiers: [{above: 9, input: 2, output: 16}],"
        " services: {flex: {input: 0.5, output: 4}}}}"
    )
    model = load_bytes(own.encode(), "own.yaml").model("ollama", "new")

    assert pricing(model) == {
        "input": "1",
        "output": "8",
        "audio_input": "0.25",
        "request": "0.005",
        "picture": {"default": "0.02", "hd": "0.04"},
        "tiers": [{"above": 9, "input": "2", "output": "16"}],
        "services": {"flex": flex},
    }
    assert pricing(Model("unpriced")) is None
    claude = pricing(load_builtin().model("anthropic", "claude-opus-4-6"))
    assert claude is not None
    assert claude["tools"] == {"web_search": "0.01", "code_execution": "0.004166666"}
    assert claude["regions"] == {"us": "1.1"}
    timed = pricing(load_builtin().model("deepseek", "deepseek-v4-pro"))
    assert timed is not None
    assert timed["hours"][0] == {
        "from": "01:00",
        "to": "04:00",
        "input": "1.32",
        "output": "3.96",
        "cache_read": "0.044",
    }


def test_an_unknown_model_is_not_found(tmp_path: Path) -> None:
    """A model that no provider serves is a 404 error that names the parameter."""
    response = get("/v1/models/no-such-model", tmp_path)

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"

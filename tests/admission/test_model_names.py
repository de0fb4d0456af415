"""Errors about model names: similar names that the key may use, found with bounded work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.clock import NOON, FakeClock
from tests.fakes.gateway_app import SYSTEM, bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider
from vaultcore.admission import model_names
from vaultcore.admission.model_names import CAPACITY, MAX_NAMES

LISTED = " GET /v1/models lists the models that this key may use."
UNKNOWN = "no provider of this gateway serves the model "
BODY = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}
PATHS = ("/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/messages/count_tokens")


def ask(folder: Path, *models: str, path: str = PATHS[0], pause: float = 1.0, **limits: Any) -> list[Any]:
    """Return the errors of requests for these models, one each second."""
    clock = FakeClock(NOON)
    with FakeProvider() as provider:
        services = build_services(folder, provider, clock=clock)

        async def scenario(client: httpx.AsyncClient) -> list[Any]:
            token = await issue_key(services, **limits) if limits else SYSTEM
            errors = []
            for model in models:
                body = {**BODY, "input": "hi", "model": model}
                response = await client.post(path, json=body, headers=bearer(token))
                errors.append((response.status_code, response.json()["error"]["message"]))
                clock.time += pause
            return errors

        return run_with_client(services, scenario)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("model", "names"),
    [("fats", "'fast'"), ("Turned", "'turned'"), ("FAST", "'fast'"), ("tuned-fast", ""), ("x" * 200, "")],
)
def test_an_unknown_model_has_similar_names(path: str, model: str, names: str, tmp_path: Path) -> None:
    """The 404 error of every endpoint suggests the closest names that the gateway serves, if any is close."""
    ((status, message),) = ask(tmp_path, model, path=path)

    assert status == 404
    assert message.startswith(UNKNOWN)
    assert message.endswith((f"Did you mean {names}?" if names else ".") + LISTED)


def test_names_are_those_that_the_key_may_use(tmp_path: Path) -> None:
    """A key with an allow-list gets no name that it may not use, not even one that is closer."""
    assert ask(tmp_path, "fats", models=("turned",)) == [(404, f"{UNKNOWN}'fats'.{LISTED}")]
    assert ask(tmp_path, "turnd", models=("turned", "fast")) == [
        (404, f"{UNKNOWN}'turnd'. Did you mean 'turned'?{LISTED}")
    ]
    assert ask(tmp_path, "fats", models=("one/*",)) == [
        (404, f"{UNKNOWN}'fats'. Did you mean 'fast'?{LISTED}")  # with its target of this provider
    ]
    assert ask(tmp_path, "fats", models=("three/*",)) == [(404, f"{UNKNOWN}'fats'.{LISTED}")]


def test_a_model_that_is_not_allowed_is_named(tmp_path: Path) -> None:
    """The 403 error names the model, shortened, and says where the allowed ones are listed."""
    errors = ask(tmp_path, "turned", f"one/{'x' * 200}", models=("fast",))

    assert errors == [
        (403, f"this key may not use the model 'turned'.{LISTED}"),
        (403, f"this key may not use the model 'one/{'x' * 73}...'.{LISTED}"),
    ]


def test_searches_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of unknown names causes five searches a second, and a repeated name none."""
    searches = []
    search = model_names._search
    monkeypatch.setattr(model_names, "_search", lambda *given: searches.append(given) or search(*given))  # type: ignore[func-returns-value]

    errors = ask(tmp_path, *[f"fast{number}" for number in range(40)], pause=0.0625)
    assert len(searches) == 10
    assert {status for status, _ in errors} == {404}

    searches.clear()
    errors = ask(tmp_path, *["fats"] * 20)
    assert len(searches) == 1
    assert len(set(errors)) == 1

    ask(tmp_path, *[f"fast{number}" for number in range(CAPACITY + 9)])
    assert MAX_NAMES == 3

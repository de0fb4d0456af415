"""The admin function under AWS's emulator."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.provider import FakeProvider
from tests.handlers.deployment import ADMIN_KEY, EVENTS, serve_deployment
from tests.handlers.emulator import Emulator, run_emulator


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """The admin function, which has the admin key but not the system key."""
    folder = tmp_path_factory.mktemp("admin")
    with FakeProvider() as provider, serve_deployment(folder, provider.base_url) as deployed:
        environ = {**deployed.environ, "VAULTEDGE_ADMIN_KEY_SECRET": "gw/admin"}
        del environ["VAULTEDGE_SYSTEM_KEY_SECRET"]
        with run_emulator(
            [sys.executable, "-m", "awslambdaric", "handlers.admin.handler"], environ, folder
        ) as it:
            yield it


def invoke(emulator: Emulator, event: Any) -> dict[str, Any]:
    status, response = emulator.invoke(json.dumps(event).encode())
    assert status == 200
    return dict(json.loads(response))


def event(name: str, folder: Path = EVENTS) -> Any:
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


def test_the_admin_key_is_accepted(emulator: Emulator) -> None:
    """The admin API accepts the admin key and prints it nowhere."""
    response = invoke(emulator, event("admin_health"))

    assert response["statusCode"] == 200
    assert ADMIN_KEY[3:] not in response["body"]
    assert ADMIN_KEY[3:] not in emulator.output.read_text("utf-8")


@pytest.mark.parametrize("name", ["chat", "models", "unauthorized"])
def test_the_system_key_is_rejected(name: str, emulator: Emulator) -> None:
    """The admin function rejects an application's key like any unknown key."""
    assert invoke(emulator, event(name))["statusCode"] == 401

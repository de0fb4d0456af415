from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.provider import FakeProvider
from tests.handlers.deployment import ADMIN_KEY, EVENTS, deployment
from tests.handlers.emulator import Emulator, emulated


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """The admin function, which knows the admin key and not the system key."""
    folder = tmp_path_factory.mktemp("admin")
    with FakeProvider() as provider, deployment(folder, provider.base_url) as deployed:
        environ = {**deployed.environ, "VAULTEDGE_ADMIN_KEY_SECRET": "gw/admin"}
        del environ["VAULTEDGE_SYSTEM_KEY_SECRET"]
        with emulated(
            [sys.executable, "-m", "awslambdaric", "handlers.admin.handler"], environ, folder
        ) as it:
            yield it


def answer(emulator: Emulator, event: Any) -> dict[str, Any]:
    status, told = emulator.invoke(json.dumps(event).encode())
    assert status == 200
    return dict(json.loads(told))


def event(name: str, folder: Path = EVENTS) -> Any:
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


def test_the_admin_key_opens_the_admin_plane(emulator: Emulator) -> None:
    """The admin API answers whoever has the admin key, and prints that key nowhere."""
    told = answer(emulator, event("admin_health"))

    assert told["statusCode"] == 200
    assert ADMIN_KEY[3:] not in told["body"]
    assert ADMIN_KEY[3:] not in emulator.output.read_text("utf-8")


@pytest.mark.parametrize("name", ["chat", "models", "unauthorized"])
def test_the_system_key_does_nothing_here(name: str, emulator: Emulator) -> None:
    """An application's key is refused by the admin function like any unknown key."""
    assert answer(emulator, event(name))["statusCode"] == 401

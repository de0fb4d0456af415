"""Fixtures of the vault tests: recorded vectors, and a check that errors contain no secrets."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vaultcore
from vaultcore.errors import VaultError
from vaultcore.vault.kdf import KdfCache

PACKAGE = str(Path(vaultcore.__file__).parent)
Refused = Callable[..., VaultError]


def _refused(
    secrets: tuple[str, ...], function: Callable[..., object], *args: Any, **kwargs: Any
) -> VaultError:
    try:
        function(*args, **kwargs)
    except VaultError as error:
        caught = error
    else:
        pytest.fail("no VaultError was raised")
    assert caught.__cause__ is None
    assert caught.__context__ is None
    trace = caught.__traceback__
    while trace is not None and not trace.tb_frame.f_code.co_filename.startswith(PACKAGE):
        trace = trace.tb_next
    report = traceback.TracebackException(VaultError, caught, trace, capture_locals=True)
    text = "".join(report.format()) + repr(caught) + repr(vars(caught))
    assert [secret for secret in secrets if secret in text] == []
    return caught


@pytest.fixture
def refused() -> Refused:
    """Call a function that must raise VaultError; no secret may appear in the error, its causes or locals."""
    return _refused


@pytest.fixture(scope="session")
def derivations() -> KdfCache:
    """Cached real derivations, for tests that damage anything except password and salt."""
    return KdfCache()


@pytest.fixture(scope="session")
def vectors() -> dict[str, list[dict[str, Any]]]:
    file = Path(__file__).parent.parent / "vectors" / "vault.json"
    loaded: dict[str, list[dict[str, Any]]] = json.loads(file.read_text())
    return loaded

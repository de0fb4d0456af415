"""Admin requests that several tests of a deployed stack use."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx


def create_key(admin: httpx.Client, **fields: object) -> dict[str, Any]:
    """Create a virtual key and return the response body."""
    response = admin.post("/admin/keys", json={"name": f"key {uuid4()}", **fields})
    assert response.status_code == 201, response.text
    return dict(response.json())


def wait_for_rows(read: Callable[[], list[Any]], seconds: float = 20.0) -> list[Any]:
    """Return rows once there are any: functions are other processes with their own clock."""
    deadline = time.monotonic() + seconds
    while not (rows := read()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return rows

"""What tests of a deployed stack ask of it again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx


def made(admin: httpx.Client, **fields: object) -> dict[str, Any]:
    """A new virtual key."""
    answer = admin.post("/admin/keys", json={"name": f"key {uuid4()}", **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def eventually(found: Callable[[], list[Any]], seconds: float = 20.0) -> list[Any]:
    """What is found in the end: functions are other processes, with a clock of their own."""
    until = time.monotonic() + seconds
    while not (told := found()) and time.monotonic() < until:
        time.sleep(0.2)
    return told

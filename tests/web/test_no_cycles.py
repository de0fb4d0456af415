"""A finished request leaves nothing for the garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import run_gateway
from tests.fakes.provider import FakeProvider
from vaultcore.call import Call
from vaultcore.web.client_request import ClientRequest

BODY = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]}
REQUESTS: dict[str, tuple[str, dict[str, Any], Mapping[str, str], int]] = {
    # path, body, further headers, status
    "whole": ("/v1/chat/completions", BODY, {}, 200),
    "stream": ("/v1/chat/completions", {**BODY, "stream": True}, {}, 200),
    "translated": ("/v1/chat/completions", {**BODY, "model": "turned"}, {}, 200),
    "messages": ("/v1/messages", {**BODY, "max_tokens": 9}, {}, 200),
    "responses": ("/v1/responses", {"model": "fast", "input": "Hi"}, {}, 200),
    "invalid": ("/v1/chat/completions", {**BODY, "messages": 1}, {}, 400),
    "unauthorized": ("/v1/chat/completions", BODY, {"authorization": "Bearer no"}, 401),
    "unknown path": ("/v1/nothing", BODY, {}, 404),
}


@contextmanager
def garbage() -> Iterator[list[object]]:
    """Keep what only the garbage collector can free inside the context; it is listed afterwards."""
    cyclic: list[object] = []
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield cyclic
        gc.collect()
        cyclic += gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("name", REQUESTS)
def test_a_finished_request_is_freed_at_once(name: str, tmp_path: Path, provider: FakeProvider) -> None:
    """No cycle keeps a request until a garbage collection: bodies of 1 MB would pile up to 300 MB."""
    path, body, headers, status = REQUESTS[name]

    async def scenario(client: httpx.AsyncClient) -> list[object]:
        for _ in range(2):  # imports and caches
            assert (await client.post(path, json=body, headers=headers)).status_code == status
        with garbage() as cyclic:
            for _ in range(3):
                (await client.post(path, json=body, headers=headers)).read()
        return [each for each in cyclic if isinstance(each, Call | ClientRequest)]

    assert run_gateway(tmp_path, provider, scenario) == []

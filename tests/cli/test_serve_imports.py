"""What `vaultedge serve` imports until its first response: counts, because times vary."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

from tests.bench import target
from tests.bench.measure import Bench, Server, send_first
from tests.bench.process import Cores, running
from tests.sources import modules

# Of the gateway. A module takes 0.3 ms of each start or more, so a limit rises for a reason only.
MAX_MODULES, MAX_DATACLASSES = 275, 145
LATE = (  # packages and modules for other requests than a chat completion
    *(
        "fastapi",
        "pydantic",
        "starlette.routing",
        "starlette.requests",
        "anyio",
        "httpx",
        "h11",
        "boto3",
        "yaml",
    ),
    *("vaultcore.client_apis.messages", "vaultcore.client_apis.responses", "vaultcore.client_apis.gemini"),
    *("vaultcore.dialects.anthropic", "vaultcore.dialects.bedrock", "vaultcore.dialects.cohere"),
    *("vaultcore.dialects.gemini", "vaultcore.dialects.mistral", "vaultcore.dialects.responses"),
    *("vaultcore.media", "vaultcore.web.admin", "vaultcore.web.console", "vaultcore.web.router"),
)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The modules that a server has imported when it has answered one chat completion."""
    if sys.platform != "linux":
        pytest.skip("the benchmark reads /proc")
    folder = tmp_path_factory.mktemp("serve")
    bench, provider = Bench(Cores.split(), folder, seconds=0), target.provider()
    with running(provider.command(), provider.environ, bench.cores.load, folder) as upstream:
        gateway = target.vaultedge(upstream.url, folder / "home")
        command = gateway.command("-X", "importtime")
        with running(command, gateway.environ, bench.cores.target, folder, "imports.log") as process:
            send_first(Server(gateway, process))
            log = (folder / "imports.log").read_text()
    return re.findall(r"^import time: +\d+ \| +\d+ \| +(\S+)$", log, re.MULTILINE)


def test_the_first_response_needs_few_modules(imported: Collection[str]) -> None:
    """Until its first chat completion, the gateway imports at most MAX_MODULES modules of its own."""
    own = [name for name in imported if name.startswith("vaultcore")]

    assert len(own) <= MAX_MODULES
    assert sum(_dataclasses(modules()[name]) for name in own if name in modules()) <= MAX_DATACLASSES


@pytest.mark.parametrize("name", LATE)
def test_what_few_requests_need_is_imported_late(imported: Collection[str], name: str) -> None:
    """Until its first chat completion, the gateway imports no module for other APIs, providers or pages."""
    assert [each for each in imported if each == name or each.startswith(f"{name}.")] == []


def _dataclasses(path: Path) -> int:
    return len(re.findall(r"^@dataclass", path.read_text("utf-8"), re.MULTILINE))

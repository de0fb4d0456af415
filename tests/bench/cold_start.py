"""Cold starts of functions from their bundles, with emulated AWS services and a fake provider."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from tests.bench.process import Cores, peak, pinned, tree, used
from tests.handlers.deployment import EVENTS, PASSWORD, PROVIDER_KEY, serve_deployment
from tests.handlers.emulator import run_emulator
from tests.store.ministack import table
from vaultcore.vault.keyring import Credential
from vaultcore.vault.sealed import seal

LOCAL = {
    "ollama": 11434,
    "vllm": 8000,
    "lmstudio": 1234,
    "llamacpp": 8080,
}  # ports of local providers in the built-in catalog
RESPONSE = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "bench",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}


class ResourceUsage(NamedTuple):
    cpu: float  # seconds, user and system
    memory: float  # MiB, peak


class ColdStart(NamedTuple):
    usage: ResourceUsage
    output: str  # what the function printed


@dataclass(frozen=True, slots=True)
class Function:
    """A function: its bundle, its handler (None: our own runtime loop), its first event and its settings."""

    bundle: str
    handler: str | None
    event: str
    needs: tuple[str, ...]


VAULT = ("VAULTEDGE_VAULT_SECRET", "VAULTEDGE_PASSWORD_SECRET")
DATA_PLANE, ADMIN = (*VAULT, "VAULTEDGE_SYSTEM_KEY_SECRET"), (*VAULT, "VAULTEDGE_ADMIN_KEY_SECRET")
FUNCTIONS = {
    "stream": Function("stream", None, "chat", DATA_PLANE),
    "api": Function("stream", "handlers.api.handler", "chat", DATA_PLANE),
    "admin": Function("admin", "handlers.admin.handler", "admin_health", ADMIN),
    "upkeep": Function("upkeep", "handlers.upkeep.handler", "upkeep", ()),
}


@dataclass(frozen=True, slots=True)
class Environment:
    folder: Path
    environ: dict[str, str]
    model: str


@dataclass(frozen=True, slots=True)
class ColdStarts:
    """Starts functions from their bundles."""

    python: str
    bundles: Path  # one folder per function
    runtime: Path  # libraries that the Lambda runtime provides

    def start(self, name: str, around: Environment, cores: Cores, **environ: str) -> ColdStart:
        function = FUNCTIONS[name]
        task = self.bundles / function.bundle
        settings = {key: value for key, value in around.environ.items() if not key.endswith("_SECRET")}
        secrets = {key: around.environ[key] for key in (*function.needs, "VAULTEDGE_PEPPER_SECRET")}
        path = str(task) if function.handler is None else f"{task}:{self.runtime}"
        with (
            pinned(cores.target),
            run_emulator(
                self._command(function, task),
                {**settings, **secrets, "LAMBDA_TASK_ROOT": str(task), "PYTHONPATH": path, **environ},
                around.folder,
            ) as emulator,
        ):
            _check_response(name, *emulator.invoke(_event(function.event, around.model)))
            (root,) = [pid for pid in tree(emulator.pid) if pid != emulator.pid]
            usage = ResourceUsage(used(root), peak(root))
            return ColdStart(usage, emulator.output.read_text("utf-8"))

    def _command(self, function: Function, task: Path) -> list[str]:
        if function.handler is None:
            return [str(task / "handlers" / "run_stream"), self.python, "bootstrap.py"]
        return [self.python, "-m", "awslambdaric", function.handler]


@contextmanager
def prepare_environment(folder: Path) -> Iterator[Environment]:
    """Provide secrets, a table and a provider of the built-in catalog, so that no overlay file is read."""
    with _provider() as name, serve_deployment(folder, "http://127.0.0.1:9/v1") as deployed:
        deployed.secrets.secrets["gw/vault"] = seal([Credential(name, PROVIDER_KEY)], PASSWORD)
        store = table()
        environ = {
            **{key: value for key, value in deployed.environ.items() if key != "PROVIDERS_FILE"},
            "VAULTEDGE_ADMIN_KEY_SECRET": "gw/admin",
            "VAULTEDGE_PEPPER_SECRET": "gw/pepper",
            "VAULTEDGE_STORE": store.url,
            "VAULTEDGE_LOG_LEVEL": "INFO",
            "AWS_ENDPOINT_URL_DYNAMODB": store.endpoint,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        yield Environment(folder, environ, f"{name}/bench")


@contextmanager
def _provider() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            data = json.dumps(RESPONSE).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    name, server = _start_server(Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield name
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _start_server(handler: type[BaseHTTPRequestHandler]) -> tuple[str, ThreadingHTTPServer]:
    for name, port in LOCAL.items():
        try:
            return name, ThreadingHTTPServer(("127.0.0.1", port), handler)
        except OSError:
            continue
    raise RuntimeError(f"one of the ports {', '.join(map(str, LOCAL.values()))} must be free")


def _event(name: str, model: str) -> bytes:
    event = json.loads((EVENTS / f"{name}.json").read_bytes())
    if name == "chat":
        event["body"] = json.dumps({**json.loads(event["body"]), "model": model})
    return json.dumps(event).encode()


def _check_response(name: str, status: int, answer: bytes) -> None:
    try:
        head = json.loads(answer.partition(b"\0" * 8)[0])
    except ValueError:
        head = {}
    is_good = head.get("statusCode") == 200 or head.get("failed") == []
    if status != 200 or not is_good:
        raise RuntimeError(f"{name}: {status}, {answer.decode(errors='replace')}")

"""The house rules that a machine can check: who may import whom, where effects are, how long a file gets."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = {
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): path
    for path in ROOT.glob("vaultcore/**/*.py")
}
SOURCES |= {f"handlers.{path.stem}": path for path in ROOT.glob("handlers/*.py")}
LONGEST = 350  # lines

GROUND = {"errors", "wire", "clock", "money", "settings", "telemetry"}
MODELS = {"streams", "catalog", "vault"}
CONTROL = {"admission", "alerts", "content_log", "control", "idempotency", "maintenance"}
INNER = {
    "errors": set(),
    "wire": set(),
    "clock": set(),
    "money": set(),
    "settings": {"errors"},
    "telemetry": set(),
    "secrets": {"errors", "vault"},
    "streams": GROUND,
    "vault": GROUND,
    "catalog": GROUND,
    "simulators": GROUND,
    "usage": GROUND | {"catalog"},
    "limits": GROUND | {"catalog"},
    "store": GROUND | {"aws", "limits"},
    "ledger": GROUND | {"catalog", "limits", "store", "usage"},
    "control": GROUND | MODELS | {"aws", "call", "limits", "ledger", "routing", "secrets", "store", "usage"},
    "alerts": GROUND | MODELS | {"aws", "call", "control", "limits", "ledger", "secrets", "store", "usage"},
    "admission": GROUND
    | MODELS
    | {"alerts", "aws", "call", "control", "limits", "ledger", "routing", "secrets", "store", "usage"},
    "idempotency": GROUND | MODELS | {"admission", "aws", "call", "limits", "secrets", "store", "usage"},
    "content_log": GROUND | MODELS | {"call", "idempotency", "limits", "secrets", "store", "usage"},
    "maintenance": GROUND
    | MODELS
    | {"admission", "alerts", "control", "limits", "ledger", "secrets", "store", "usage"},
    "dialects": GROUND | MODELS - {"vault"},
    "client_apis": GROUND | {"streams", "dialects", "usage"},
    "media": GROUND | {"catalog", "dialects"},
    "routing": GROUND | MODELS,
    "aws": GROUND | {"vault", "secrets"},
    "lambda_runtime": GROUND,
    "upstream": GROUND | MODELS | {"media", "dialects", "routing"},
    "call": GROUND | MODELS | {"dialects", "routing", "usage"},
    "gateway": GROUND
    | MODELS
    | {"media", "call", "dialects", "routing", "secrets", "client_apis", "upstream", "usage"},
    "tracing": GROUND | {"call", "limits", "routing", "store"},
    "services": GROUND | CONTROL | {"tracing", "catalog", "gateway", "routing", "secrets", "store", "usage"},
    "console_bundle": GROUND,
    "web": GROUND
    | MODELS
    | CONTROL
    | {"console_bundle", "media", "call", "dialects", "gateway", "limits", "ledger", "tracing"}
    | {"routing", "secrets", "services", "store", "client_apis", "upstream", "usage"},
    "app": GROUND | {"media", "services", "client_apis", "web"},
    "capability_matrix": GROUND
    | MODELS
    | {"media", "dialects", "routing", "simulators", "client_apis", "upstream"},
}
ANYTHING = {"cli", "compose", "handlers"}  # entry points and wiring
OUTER = {
    "vault": {"cryptography"},
    "catalog": {"yaml"},
    "upstream": {"httpx", "h11", "botocore"},
    "aws": {"boto3", "botocore"},
    "store": {"botocore"},
    "control": {"cryptography", "httpx"},
    "admission": {"cryptography", "httpx"},
    "alerts": {"cryptography", "httpx"},
    "idempotency": {"cryptography", "httpx"},
    "content_log": {"cryptography", "httpx"},
    "tracing": {"httpx"},
    "ledger": {"cryptography"},
    "web": {"starlette", "fastapi", "pydantic"},
    "console_bundle": {"starlette"},
    "app": {"starlette"},
    "lambda_runtime": set(),
    "capability_matrix": {"httpx"},
    "simulators": {"starlette", "uvicorn"},
    "cli": {"httpx", "uvicorn", "starlette"},
    "handlers": {"mangum", "snapshot_restore_py"},
}
PURE = ("limits", "media", "dialects", "client_apis", "routing", "streams", "usage", "catalog")
STANDARD = sys.stdlib_module_names


def package(module: str) -> str:
    """`vaultcore.web.body` -> `web`, `handlers.api` -> `handlers`."""
    parts = module.split(".")
    return parts[0] if parts[0] == "handlers" else parts[1].replace("__init__", "")


def tree(module: str) -> ast.Module:
    return ast.parse(SOURCES[module].read_text("utf-8"))


def imports(module: str) -> Iterator[str]:
    """Every module a source names in an import, wherever it stands, but for type checkers only."""
    skipped = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            skipped |= set(ast.walk(node))
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_packages_import_only_what_lies_below(module: str) -> None:
    """A layer knows the layers beneath it and no other, and third parties only where they are at home."""
    here = package(module)
    named = set(imports(module))
    inner = {package(name) for name in named if name.startswith("vaultcore.")} - {here}
    outer = {name.split(".")[0] for name in named} - STANDARD - {"vaultcore", "handlers"}

    assert here in ANYTHING | {""} or inner <= INNER[here]
    assert outer <= OUTER.get(here, set())


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_files_stay_readable(module: str) -> None:
    """No source has more than 350 lines, and each opens by saying what it holds."""
    text = SOURCES[module].read_text("utf-8")

    assert len(text.splitlines()) <= LONGEST
    assert not text.strip() or ast.get_docstring(tree(module))


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_the_environment_is_read_in_one_place(module: str) -> None:
    """`os.environ` and `os.getenv` stand in the entry points only; everybody else is given Settings."""
    if package(module) == "handlers" or module == "vaultcore.cli.main":
        return
    read = [node.lineno for node in ast.walk(tree(module)) if _is_environment(node)]

    assert read == []


@pytest.mark.parametrize("module", [name for name in sorted(SOURCES) if package(name) in PURE])
def test_the_middle_is_pure(module: str) -> None:
    """Formats and decisions are not async, read no clock, draw no lot and open nothing."""
    if module in {"vaultcore.routing.attempts", "vaultcore.streams.__init__"}:
        return  # the one loop that waits, and `through`
    waits = [node for node in ast.walk(tree(module)) if isinstance(node, ast.AsyncFunctionDef | ast.Await)]
    effects = set(imports(module)) & {"time", "random", "secrets", "socket", "asyncio", "httpx", "threading"}

    assert waits == []
    assert effects == set()


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_no_provider_is_singled_out(module: str) -> None:
    """A provider's name is data: nothing compares anything with one."""
    if package(module) in {"simulators", "cli"}:
        return
    named = {text.lower() for node in ast.walk(tree(module)) for text in _compared(node)}

    assert named & _provider_names() == set()


def _provider_names() -> set[str]:
    return set(json.loads((ROOT / "vaultcore/catalog/providers.json").read_text("utf-8"))["providers"])


def _is_environment(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv", "os.environb"}


def _compared(node: ast.AST) -> Iterator[str]:
    """The text constants a node compares something with."""
    match node:
        case ast.Compare(left=left, comparators=others):
            held: list[ast.AST] = [left, *others]
        case ast.MatchValue(value=value):
            held = [value]
        case _:
            return
    for each in held:
        for inner in ast.walk(each):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                yield inner.value


def test_every_package_has_its_rule() -> None:
    """A new package says here what it may know before it is used."""
    packages: Mapping[str, object] = dict.fromkeys(map(package, SOURCES))

    assert set(packages) - {""} - ANYTHING <= set(INNER)

"""Rules for imports and effects: who may import whom, where effects are, how long a file gets."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter

import pytest

from tests.sources import ROOT, STANDARD, imports, modules, package, tree
from vaultcore.dialects import DIALECTS

MAX_FILE = 350  # lines
LAYERS = """
errors:
clock:
telemetry:
money:
plain_request:
wire:
streams:
console_bundle:
simulators:
lambda_runtime:
settings: errors
shutdown: errors
catalog: errors money wire
vault: errors wire
limits: catalog money
opaque_state: streams wire
dialects: catalog errors opaque_state plain_request streams wire
usage: catalog errors money plain_request settings wire
secrets: errors vault
routing: catalog clock dialects errors vault wire
media: catalog dialects errors wire
client_apis: catalog dialects errors opaque_state streams usage wire
aws: clock errors secrets settings telemetry upstream vault wire
call: catalog dialects errors money routing telemetry usage wire
upstream: catalog dialects errors media opaque_state plain_request routing settings streams telemetry
  vault wire
store: aws clock errors limits wire
gateway: call catalog clock dialects errors money opaque_state plain_request routing secrets
  streams telemetry upstream usage vault wire
capability_matrix: catalog client_apis dialects errors media routing settings simulators upstream vault wire
tracing: call clock errors money routing store telemetry wire
ledger: catalog clock errors limits store usage
control: catalog clock errors limits money secrets store telemetry wire
idempotency: clock errors secrets store telemetry wire
endpoints: call client_apis dialects errors gateway streams usage wire
content_log: call clock control errors idempotency secrets store telemetry
admission: aws call catalog clock content_log control dialects errors limits money routing secrets store
  telemetry usage wire
maintenance: admission clock control errors ledger secrets store telemetry
alerts: admission aws clock errors store telemetry wire
services: admission alerts catalog clock control gateway idempotency ledger maintenance routing secrets
  settings shutdown store telemetry tracing
web: admission call catalog client_apis clock console_bundle control dialects endpoints errors gateway
  idempotency ledger limits money routing secrets services settings store streams telemetry tracing upstream
  usage wire
app: endpoints services web
"""
# May be imported by every layer.
ANYWHERE = {"casts", "json_codec", "first_use", "lazy_dataclass"}
ANYTHING = {"cli", "compose", "handlers"}  # entry points and wiring
THIRD_PARTIES = """
alerts: httpx
app: starlette
aws: botocore certifi
capability_matrix: httpx
catalog: yaml
cli: httpx starlette uvicorn yaml
handlers: mangum snapshot_restore_py
idempotency: cryptography
json_codec: orjson
ledger: cryptography
opaque_state: cryptography
simulators: starlette uvicorn
tracing: httpx
upstream: botocore certifi h11 httptools httpx idna
vault: cryptography
web: fastapi pydantic python_multipart starlette
"""
PURE = ("limits", "media", "dialects", "client_apis", "routing", "streams", "usage", "catalog")


def _parse_table(text: str) -> dict[str, set[str]]:
    """Return the sets of a table: a line is `package: what it imports`, indented lines continue it."""
    rows = re.sub(r"\n +", " ", text).strip().splitlines()
    return {name: set(imported.split()) for name, _, imported in (row.partition(":") for row in rows)}


INNER, OUTER = _parse_table(LAYERS), _parse_table(THIRD_PARTIES)


def _inner(module: str) -> set[str]:
    names = {package(name) for name in imports(module) if name.startswith("vaultcore.")}
    return names - {package(module), ""} - ANYWHERE


def _outer(module: str) -> set[str]:
    return {name.split(".")[0] for name in imports(module)} - STANDARD - {"vaultcore", "handlers", ""}


@pytest.mark.parametrize("module", sorted(modules()))
def test_packages_import_only_what_is_below(module: str) -> None:
    """A package imports the packages beneath it and no others, and third parties only where they belong."""
    here = package(module)

    assert here in ANYTHING | ANYWHERE | {""} or _inner(module) <= INNER[here]
    assert _outer(module) <= OUTER.get(here, set())


def test_the_tables_are_no_wider_than_their_use() -> None:
    """Every entry of both tables is used by some module: the table shows the dependencies there are."""
    inner: dict[str, set[str]] = {}
    outer: dict[str, set[str]] = {}
    for module in modules():
        here = package(module)
        if here and here not in ANYTHING | ANYWHERE:
            inner.setdefault(here, set()).update(_inner(module))
        if here and _outer(module):
            outer.setdefault(here, set()).update(_outer(module))

    assert inner == INNER
    assert outer == OUTER


def test_packages_have_no_cycle() -> None:
    """The packages can be sorted so that each imports earlier ones only."""
    order = list(TopologicalSorter(INNER).static_order())

    assert set(order) >= set(INNER)


@pytest.mark.parametrize("module", sorted(modules()))
def test_files_stay_readable(module: str) -> None:
    """No source has more than 350 lines, and each opens with a docstring about its contents."""
    text = modules()[module].read_text("utf-8")

    assert len(text.splitlines()) <= MAX_FILE
    assert not text.strip() or ast.get_docstring(tree(modules()[module]))


@pytest.mark.parametrize("module", sorted(modules()))
def test_the_environment_is_read_in_one_place(module: str) -> None:
    """Only entry points read `os.environ` and `os.getenv`; all other code is given Settings."""
    if package(module) == "handlers" or module == "vaultcore.cli.main":
        return
    reads = [node.lineno for node in ast.walk(tree(modules()[module])) if _is_environment(node)]

    assert reads == []


@pytest.mark.parametrize("module", [name for name in sorted(modules()) if package(name) in PURE])
def test_pure_packages_have_no_effects(module: str) -> None:
    """Formats and decisions are not async, read no clock, draw no random numbers and open nothing."""
    if module in {"vaultcore.routing.attempts", "vaultcore.streams.__init__"}:
        return  # the attempt loop, which sleeps, and `through`
    nodes = list(ast.walk(tree(modules()[module])))
    waits = [node for node in nodes if isinstance(node, ast.AsyncFunctionDef | ast.Await)]
    effects = set(imports(module)) & {"time", "random", "secrets", "socket", "asyncio", "httpx", "threading"}

    assert waits == []
    assert effects == set()


@pytest.mark.parametrize("module", sorted(modules()))
def test_no_provider_is_singled_out(module: str) -> None:
    """A provider's name is data: no code compares anything with one."""
    if package(module) in {"simulators", "cli"}:
        return
    compared = {text.lower() for node in ast.walk(tree(modules()[module])) for text in _compared(node)}

    assert compared & _provider_names() == set()


@pytest.mark.parametrize("module", sorted(modules()))
def test_no_table_is_keyed_by_provider_or_dialect(module: str) -> None:
    """Facts about a format are in its dialect, facts about a provider in its catalog row."""
    if package(module) in {"catalog", "dialects", "simulators"} or module == "vaultcore.cli.demo":
        return  # the demo names the providers that it simulates
    names = _provider_names() | set(DIALECTS)
    tables = [
        (node.lineno, sorted(keys))
        for node in ast.walk(tree(modules()[module]))
        if isinstance(node, ast.Dict) and (keys := _text_keys(node)) and keys <= names
    ]

    assert tables == []


def test_every_package_has_its_rule() -> None:
    """A new package is listed here before it is used."""
    assert {package(module) for module in modules()} - {""} - ANYTHING - ANYWHERE == set(INNER)


def _provider_names() -> set[str]:
    return set(json.loads((ROOT / "vaultcore/catalog/providers.json").read_text("utf-8"))["providers"])


def _is_environment(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv", "os.environb"}


def _text_keys(node: ast.Dict) -> set[str]:
    keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
    return {key for key in keys if isinstance(key, str)}


def _compared(node: ast.AST) -> Iterator[str]:
    """Yield the string constants that a node compares something with."""
    match node:
        case ast.Compare(left=first, comparators=others):
            operands: list[ast.AST] = [first, *others]
        case ast.MatchValue(value=value):
            operands = [value]
        case _:
            return
    for operand in operands:
        for inner in ast.walk(operand):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                yield inner.value

"""Rules for files: dialect folders alike, one row per endpoint, folders for prefixes, short functions."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources import ROOT, imports, modules, package, tree
from vaultcore.dialects import DIALECTS
from vaultcore.endpoints import ENDPOINTS

DIALECT_FILES = {"wire.py", "request.py", "response.py", "decoder.py"}
SERVING = {"admission", "app", "client_apis", "gateway", "tracing", "usage", "web"}
MAX_FUNCTION = 40  # lines
MIN_FILE = 30  # lines, for a file that one module imports
SMALL_FILES = {  # files that the rule for dialects requires, and a subject of its own
    "vaultcore.dialects.mistral.decoder",
    "vaultcore.dialects.mistral.response",
    "vaultcore.upstream.provider_request_id",
}


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_dialect_folders_are_alike(name: str) -> None:
    """Every dialect is a folder with wire types, request, response and decoder."""
    folder = ROOT / "vaultcore/dialects" / name

    assert {path.name for path in folder.glob("*.py")} >= DIALECT_FILES


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_wire_types_are_used(name: str) -> None:
    """Other modules of the dialect use each type in its `wire.py`, or a type that contains it."""
    wire = ROOT / "vaultcore/dialects" / name / "wire.py"
    parts = dict(_declared_types(wire))
    used = parts.keys() & set().union(*(_words(path) for path in wire.parent.glob("*.py") if path != wire))
    while new := parts.keys() & set().union(*(parts[each] for each in used)) - used:
        used |= new

    assert parts.keys() - used == set()


def test_an_endpoint_is_one_row() -> None:
    """The path of a data endpoint stands in `endpoints.py` and in no other module that serves requests."""
    paths = {endpoint.path for endpoint in ENDPOINTS}
    elsewhere = [
        (module, node.value)
        for module, path in modules().items()
        if package(module) in SERVING
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and node.value in paths
    ]

    assert elsewhere == []


def test_a_prefix_of_three_files_is_a_folder() -> None:
    """Three files of one folder that share their first word belong in a folder of their own."""
    shared = Counter(
        (str(path.parent.relative_to(ROOT)), path.stem.split("_")[0])
        for path in modules().values()
        if "_" in path.stem.strip("_")
    )

    assert [place for place, count in shared.items() if count >= 3] == []


@pytest.mark.parametrize("module", sorted(modules()))
def test_functions_are_short(module: str) -> None:
    """No function has more than 40 lines, its docstring not counted."""
    long = [
        f"{node.name}: {_lines(node)}"
        for node in ast.walk(tree(modules()[module]))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _lines(node) > MAX_FUNCTION
    ]

    assert long == []


def test_small_files_have_several_users() -> None:
    """A file under 30 lines that only one module imports belongs into that module."""
    users = defaultdict(set)
    for module in modules():
        for name in imports(module):
            users[name].add(module)
    small = {
        module
        for module, path in modules().items()
        if _is_small(path) and len(users[module]) == 1 and not module.endswith(("__init__", "__main__"))
    }

    assert small <= SMALL_FILES, small - SMALL_FILES


def _declared_types(wire: Path) -> Iterator[tuple[str, set[str]]]:
    """Yield the TypedDicts and unions of a `wire.py`, each with the names that its definition contains."""
    for node in tree(wire).body:
        names = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
        match node:
            case ast.ClassDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                yield name, names


def _words(path: Path) -> set[str]:
    return set(re.findall(r"\w+", path.read_text("utf-8")))


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its docstring."""
    first, docstring = node.body[0], 0
    if ast.get_docstring(node, clean=False) is not None:
        docstring = (first.end_lineno or first.lineno) - first.lineno + 1
    return (node.end_lineno or node.lineno) - node.lineno + 1 - docstring


def _is_small(path: Path) -> bool:
    return path.parts[-2] != "handlers" and len(path.read_text("utf-8").splitlines()) < MIN_FILE

"""The project's Python sources as syntax trees, for the tests of its rules."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("vaultcore", "handlers", "tools")
STANDARD = sys.stdlib_module_names


@cache
def modules() -> dict[str, Path]:
    """Return the files of vaultcore and handlers by module name; a package is `name.__init__`."""
    paths = [*ROOT.glob("vaultcore/**/*.py"), *ROOT.glob("handlers/*.py")]
    return {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): path for path in paths}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def package(module: str) -> str:
    """Return the package of a module: `vaultcore.web.body` → `web`, `handlers.api` → `handlers`."""
    parts = module.split(".")
    return parts[0] if parts[0] != "vaultcore" else parts[1].replace("__init__", "")


def imports(module: str) -> Iterator[str]:
    """Yield every module that a source imports, wherever the import is, but for type checkers only."""
    skipped = set()
    for node in ast.walk(tree(modules()[module])):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            skipped |= set(ast.walk(node))
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def bound_names(root: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each name that a tree binds, with its line: of variables, parameters, functions, classes."""
    for node in ast.walk(root):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.arg(arg=name):
                yield name, node.lineno
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name, node.lineno
            case ast.ImportFrom(names=aliases) | ast.Import(names=aliases):
                yield from ((alias.asname, node.lineno) for alias in aliases if alias.asname)

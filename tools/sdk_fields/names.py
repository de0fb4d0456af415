"""The names that our code has for fields: strings, keys of typed dicts and keyword arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent / "vaultcore"


def names_in(places: Iterable[str]) -> set[str]:
    """Return the names in modules and folders, given by their paths below vaultcore/."""
    return {name for place in places for path in _modules(ROOT / place) for name in _names(path)}


def _modules(path: Path) -> Iterable[Path]:
    return [path] if path.suffix else path.rglob("*.py")


def _names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Constant(value=str() as text):
                yield text
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.keyword(arg=str() as name):
                yield name

"""Rules for names: unique class names, nouns instead of participles, verbs of accounts for accounts only."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.sources import FOLDERS, ROOT, bound_names, modules, package, tree

PARTICIPLES = frozenset(
    ["told", "asked", "said", "found", "held", "made", "kept", "meant", "wanted", "shown", "left"]
)
IN_TESTS = 0  # bindings in tests/; this number may only fall
SHARED_CLASS_NAMES = {"Decoder", "Encoder"}  # one per format, each with the same protocol
ACCOUNT_VERBS = re.compile(r"_?(settle|admit|reserve)(_|$)")
ACCOUNT_PACKAGES = {"limits", "admission", "store"}
JS_BINDING = re.compile(  # of declarations, and of parameters and destructured names
    r"\b(?:const|let|var|function|import)\s+([A-Za-z_$][\w$]*)|[(,{]\s*([A-Za-z_$][\w$]*)\s*(?=[,)=}])"
)


def _python(folders: tuple[str, ...]) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def _participles(path: Path) -> list[str]:
    bound = bound_names(tree(path))
    return [
        f"{path.relative_to(ROOT)}:{line} {name}" for name, line in bound if name.strip("_") in PARTICIPLES
    ]


def test_no_participle_is_a_name() -> None:
    """Variables, parameters, fields and functions of the product are nouns or verb phrases."""
    assert [each for path in _python(FOLDERS) for each in _participles(path)] == []


def test_participles_in_tests_only_fall() -> None:
    """The number of participles bound in tests never rises; lower IN_TESTS with each change."""
    count = sum(len(_participles(path)) for path in _python(("tests", "examples")))

    assert count == IN_TESTS


def test_no_participle_is_a_name_in_the_console() -> None:
    """The console's JavaScript follows the same rule."""
    bound = [
        f"{path.relative_to(ROOT)} {name}"
        for path in sorted((ROOT / "vaultcore/console").rglob("*.js"))
        if "vendor" not in path.parts
        for names in JS_BINDING.findall(path.read_text("utf-8"))
        for name in names
        if name in PARTICIPLES
    ]

    assert bound == []


def test_class_names_are_unique() -> None:
    """No two classes of vaultcore have the same name, but for codecs of formats."""
    places = defaultdict(list)
    for module, path in modules().items():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(module)
    repeated = {name: where for name, where in places.items() if len(where) > 1}

    assert repeated.keys() <= SHARED_CLASS_NAMES, repeated


@pytest.mark.parametrize("module", sorted(modules()))
def test_account_verbs_are_for_accounts(module: str) -> None:
    """Functions named settle, admit or reserve stand only where accounts are meant."""
    functions = [
        node.name
        for node in ast.walk(tree(modules()[module]))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ACCOUNT_VERBS.match(node.name)
    ]

    assert package(module) in ACCOUNT_PACKAGES or functions == []

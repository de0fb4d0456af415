"""Write the column of tests in docs/behaviours.md: the test files and golden folders of each code.

python -m tools.build_behaviours

The rest of the page is written by hand. A code is a kind and a number, such as X24 or AR9. A test has a
code if the name of its function, the id of a parametrised case or the folder of a golden case has the code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
PAGE = ROOT / "docs/behaviours.md"
KINDS = ["X", "E", "U", "A", "AR", "G", "GR", "B", "C", "M", "Q", "O", "P", "R", "N", "T", "Z"]
NUMBER = re.compile(r"(?<![a-z0-9])([a-z]{1,2})0?(\d{1,2})(?![a-z0-9])")
CASE = re.compile(r"[a-z]{1,2}\d{1,2}[ _]\S.*")  # the id of a parametrised case
ROW = re.compile(r"^\| ([A-Z]+\d+) \| ([^|]+) \| ([^|]*)\| ([^|]*)\|$", re.MULTILINE)
FORMATS = {"B64", "X86"}  # base64 and x86: words that look like codes
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
MOST = 3  # files listed for one code


@dataclass(frozen=True, slots=True)
class Evidence:
    """A named test, parametrised case or golden case. `place` is its file or folder below tests/."""

    name: str
    place: str
    asserts: bool


def codes(text: str) -> Iterator[str]:
    """Yield the codes in a name: `test_a05_x6_…` has A5 and X6."""
    for kind, number in NUMBER.findall(text.lower().replace("_", " ")):
        code = f"{kind.upper()}{number}"
        if kind.upper() in KINDS and code not in FORMATS:
            yield code


@cache
def evidence() -> tuple[Evidence, ...]:
    """Return every test function, parametrised case and golden case whose name has a code."""
    return (*_tests(), *_golden_cases())


def _tests() -> Iterator[Evidence]:
    for path in sorted(TESTS.rglob("test_*.py")):
        place = path.relative_to(TESTS).as_posix()
        for name, asserts in _named(_module(path)):
            if any(codes(name)):
                yield Evidence(name, place, asserts)


def _golden_cases() -> Iterator[Evidence]:
    for golden in sorted(TESTS.rglob("golden")):
        read = any("golden" in path.read_text("utf-8") for path in golden.parent.glob("test_*golden*.py"))
        for case in sorted(golden.glob("*/*")):
            files = len([*case.glob("*.*")])
            if files and any(codes(case.name)):
                yield Evidence(case.name, case.parent.relative_to(TESTS).as_posix(), read and files > 1)


def page(text: str) -> str:
    """Return the page with its column of tests replaced."""
    places: dict[str, list[str]] = {}
    for each in evidence():
        for code in codes(each.name):
            listed = places.setdefault(code, [])
            if each.place not in listed:
                listed.append(each.place)

    def row(match: re.Match[str]) -> str:
        code, behaviour, _, omitted = match.groups()
        files = places.get(code, [])
        listed = ", ".join(f"`{place}`" for place in files[:MOST])
        more = f" and {len(files) - MOST} more" if len(files) > MOST else ""
        return f"| {code} | {behaviour} | {listed}{more} | {omitted.strip()} |"

    return re.sub(r" {2,}\|", " |", ROW.sub(row, text))


@cache
def _module(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _named(module: ast.Module) -> Iterator[tuple[str, bool]]:
    """Yield each test's name, and each case's id, with whether a test that uses it asserts something."""
    tests = [node for node in module.body if isinstance(node, FUNCTION) and node.name.startswith("test_")]
    for test in tests:
        yield test.name, _asserts(test)
    for statement in module.body:
        ids = [
            node.value
            for node in ast.walk(statement)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CASE.fullmatch(node.value)
        ]
        if ids:
            users = [statement] if statement in tests else _users(statement, tests, module)
            asserts = any(_asserts(test) for test in users)
            yield from ((each, asserts) for each in ids)


def _asserts(function: ast.AST) -> bool:
    """Return True if a function asserts, expects an exception, or calls a test helper that does."""
    return _own_assertion(function) or not _callees(function).isdisjoint(_helpers())


def _own_assertion(function: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Assert) or (isinstance(node, ast.Attribute) and node.attr == "raises")
        for node in ast.walk(function)
    )


def _callees(function: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            names |= {getattr(node.func, "id", ""), getattr(node.func, "attr", "")}
    return names - {""}


@cache
def _helpers() -> frozenset[str]:
    """Return the names of functions below tests/ that assert themselves."""
    functions = (
        node for path in TESTS.rglob("*.py") for node in ast.walk(_module(path)) if isinstance(node, FUNCTION)
    )
    return frozenset(function.name for function in functions if _own_assertion(function))


def _users(statement: ast.stmt, tests: Sequence[ast.stmt], module: ast.Module) -> list[ast.stmt]:
    """Return the tests that refer to a name bound by a statement, directly or over other statements."""
    used = {id(each): _references(each) for each in module.body}
    names, size = _bound(statement), 0
    users: list[ast.stmt] = []
    while len(names) > size:
        size = len(names)
        users = [each for each in module.body if not used[id(each)].isdisjoint(names)]
        names = names.union(*(_bound(each) for each in users))
    return [test for test in tests if test in users]


def _references(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _bound(statement: ast.stmt) -> set[str]:
    if isinstance(statement, (*FUNCTION, ast.ClassDef)):
        return {statement.name}
    targets = getattr(statement, "targets", [getattr(statement, "target", None)])
    return set[str]().union(*(_references(target) for target in targets if target is not None))


def main() -> None:
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()

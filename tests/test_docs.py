"""The documentation: paths exist, links resolve, and no page or message has a refused phrase."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from vaultcore.endpoints import ENDPOINTS

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "examples/**/*.md", "tests/**/*.md")
    for path in ROOT.glob(pattern)
)
SOURCES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("vaultcore/**/*.py"))
DOCUMENTED = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("vaultcore", "handlers", "tools", "tests", "examples")
    for path in (ROOT / folder).rglob("*.py")
)
CONSOLE_FILES = ROOT / "vaultcore" / "console"
CONSOLE = sorted(
    path.relative_to(ROOT).as_posix()
    for path in ROOT.glob("vaultcore/console/**/*.js")
    if "vendor" not in path.parts
)
FOLDERS = ("vaultcore/", "handlers/", "tests/", "tools/", "docs/", "events/", "examples/")
INNER_PAGE = "docs/architecture.md"  # its other paths are relative to vaultcore/
INNER = tuple(f"{path.name}/" for path in (ROOT / "vaultcore").iterdir() if path.is_dir())
HISTORY = {"CHANGELOG.md"}  # may name files that no longer exist
REFUSED = re.compile(
    r"what is left|\bwhoever\b|\bno \w+ fits\b|\bwas let in\b|\bis told\b|\bgood for\b|\bresting\b"
    r"|\bthe heart\b|\bdoorman\b|\berrand\b|\bof its own accord\b",
    re.IGNORECASE,
)
RIDDLE = re.compile(  # a sentence with a relative clause in place of a noun; a question is none
    r"(?:\A|[.:]\s+|\n\n)(?:What|Whatever|Who|Whoever) [a-z][^?.:]*(?:[.:]|\Z)"
)
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def text_of(page: str) -> str:
    """Return a page without its code blocks."""
    return FENCE.sub("", (ROOT / page).read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, in GitHub's format."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def exists(name: str) -> bool:
    """Return True if a path exists, with or without its ending; `<dialect>` stands for any one name."""
    pattern = re.sub(r"<\w+>", "*", name.rstrip("/"))
    return any(ROOT.glob(f"{pattern}*"))


def messages(source: str) -> Iterator[str]:
    """Yield the texts of a module that users can read: strings of several words, without docstrings."""
    tree = ast.parse((ROOT / source).read_text("utf-8"))
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if id(node) in docstrings or not isinstance(node, ast.Constant):
            continue
        if isinstance(node.value, str) and " " in node.value.strip():
            yield node.value


def docstrings(source: str) -> Iterator[str]:
    """Yield the docstrings of a module, its classes and its functions."""
    for node in ast.walk(ast.parse((ROOT / source).read_text("utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


@pytest.mark.parametrize("page", [page for page in PAGES if page not in HISTORY])
def test_paths_exist(page: str) -> None:
    """A path of the repository in backticks names a file or a folder that exists."""
    names = re.findall(r"`([\w./<>-]+)`", text_of(page))
    paths = [name for name in names if name.startswith(FOLDERS)]
    if page == INNER_PAGE:
        inner = [name for name in names if name.startswith(INNER) and name not in paths]
        paths += [f"vaultcore/{name}" for name in inner]
        assert len(inner) > 30

    assert [path for path in paths if not exists(path)] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_resolve(page: str) -> None:
    """A relative link leads to a file of the repository, and its anchor to a heading there."""
    broken = []
    for link in LINK.findall(text_of(page)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_plain(page: str) -> None:
    """No page has a refused phrase."""
    assert REFUSED.findall((ROOT / page).read_text("utf-8")) == []


@pytest.mark.parametrize("page", [page for page in PAGES if page not in HISTORY])
def test_sentences_of_pages_begin_with_their_subject(page: str) -> None:
    """No sentence of a page begins with "What", "Whatever", "Who" or "Whoever" in place of a noun."""
    assert RIDDLE.findall(text_of(page)) == []


@pytest.mark.parametrize("source", DOCUMENTED)
def test_sentences_of_docstrings_begin_with_their_subject(source: str) -> None:
    """No sentence of a docstring begins with "What", "Whatever", "Who" or "Whoever" in place of a noun."""
    assert [text for text in docstrings(source) if RIDDLE.search(text)] == []


@pytest.mark.parametrize("source", SOURCES)
def test_messages_are_plain(source: str) -> None:
    """No error message, log message or help text of the command line has a refused phrase."""
    assert [text for text in messages(source) if REFUSED.search(text)] == []


@pytest.mark.parametrize("source", CONSOLE)
def test_the_console_is_plain(source: str) -> None:
    """No text of the console has a refused phrase."""
    code = re.sub(r"^\s*(//|/?\*).*$|\s//\s.*$", "", (ROOT / source).read_text("utf-8"), flags=re.MULTILINE)
    texts = re.sub(r'"[\w-]+"|\b\w+:', "", code)  # single words are values of the API, and keys

    assert REFUSED.findall(texts) == []


def test_the_console_has_every_page() -> None:
    """The console serves all of the repository's documentation, and each file has an entry."""
    contents = (CONSOLE_FILES / "views/docs/contents.js").read_text()
    served = {path.name: path.resolve() for path in (CONSOLE_FILES / "docs").iterdir()}
    files = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "SECURITY.md"]
    assert served == {path.name: path for path in files}
    assert set(re.findall(r'file: "([^"]+)"', contents)) == set(served)


def test_the_overview_of_the_api_has_every_route() -> None:
    """docs/api.md lists every data route and header."""
    text = (ROOT / "docs/api.md").read_text().lower()
    source = (ROOT / "vaultcore/app.py").read_text()
    data = [row.urls[0].replace(":path}", "}").lower() for row in ENDPOINTS]
    for path in (*re.findall(r'[ (]"(/[a-z0-9_/]+)', source), *data):
        assert path.rstrip("/") in text, path
    headers = set()
    for file in (ROOT / "vaultcore/web").glob("*.py"):
        headers |= set(re.findall(r'"(x-vaultedge-[a-z-]+)"', file.read_text()))
    assert {header for header in headers if header not in text} == set()

"""A JavaScript module as the console writes them: its code, what it imports and what it exports.

Of the forms of ECMA-262, section 16.2, these are known, and every other is refused aloud:

    import a, { b as c } from "./x.js"      export { a, b as c }            export const a = …
    import * as a from "./x.js"             export { a } from "./x.js"      export [default] class a …
    import "./x.js"; import("./x.js")       export * as a from "./x.js"     export [default] function a …
    import.meta.url                                                         export default function (…
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from vaultcore.console_bundle.lexer import UnreadableScript, tidied

ID = r"[A-Za-z_$][\w$]*"
SPEC = r"(?:\"(?P<from>[ ]*)\"|'(?P<also>[ ]*)')"  # what is between quotes is blank in what is searched
END = r"[ \t]*(?:;|(?=\n|$))"
WORD = re.compile(r"(?<![\w$])(?<!(?<!\.\.)\.)(?:import|export)(?![\w$])")  # no property, but what is spread
PROPERTY = re.compile(r"\w+\s*:")
META = re.compile(r"import\.meta\.url(?![\w$])")
LAZY = re.compile(rf"import\(\s*{SPEC}\s*\)")
IMPORT = re.compile(
    rf"import(?:(?:\s+(?P<default>{ID})\b|\s*\*\s*as\s+(?P<space>{ID})\b"
    rf"|(?:\s+(?P<first>{ID})\s*,)?\s*\{{(?P<names>[^{{}}]*)\}})\s*from)?\s*{SPEC}{END}"
)
DECLARED = re.compile(
    rf"export\s+(?P<what>const\s|class\s|(?:async\s+)?function\b\s*\*?)\s*(?P<name>(?!extends\b){ID})"
)
DEFAULT = re.compile(
    rf"export\s+default\s+(?P<what>class\b|(?:async\s+)?function\b\s*\*?)\s*(?P<name>(?!extends\b){ID})?"
)
LISTED = re.compile(rf"export\s*\{{(?P<names>[^{{}}]*)\}}(?:\s*from\s*{SPEC})?{END}")
SPACE = re.compile(rf"export\s*\*\s*as\s+(?P<space>{ID})\s*from\s*{SPEC}{END}")
NAMED = re.compile(rf"({ID})(?:\s+as\s+({ID}))?")
PATH = re.compile(r"\.{1,2}/[\w./-]+")


@dataclass(frozen=True, slots=True)
class Import:
    """What a module takes of another: (name there, name here), and what it calls the whole."""

    module: str
    names: tuple[tuple[str, str], ...] = ()
    space: str = ""


@dataclass(frozen=True, slots=True)
class Module:
    """Code without its imports and exports, which are beside it. In it, `$pack` is the packer."""

    name: str
    code: str
    imports: tuple[Import, ...]
    lazy: tuple[str, ...]  # what it may ask for while it runs
    exports: dict[str, str]  # the expression that is called so by others


def parse(name: str, source: str, apart: Mapping[str, str] = MappingProxyType({})) -> Module:
    """Read one module, whose path is `name`; raises `UnreadableScript`.

    What it asks for while it runs stays a file of its own where `apart` has its address.
    """
    return _Reader(name, source, apart).read()


class _Reader:
    def __init__(self, name: str, source: str, apart: Mapping[str, str]) -> None:
        self._name, self._apart = name, apart
        self._source, self._searched = tidied(source)
        self._imports: list[Import] = []
        self._lazy: list[str] = []
        self._exports: dict[str, str] = {}
        self._forms = (
            (META, self._address),
            (LAZY, self._asked),
            (IMPORT, self._imported),
            (DECLARED, self._declared),
            (DEFAULT, self._default),
            (LISTED, self._listed),
            (SPACE, self._whole),
            (PROPERTY, self._property),
        )

    def read(self) -> Module:
        if (taken := self._source.find("$pack")) >= 0:
            raise UnreadableScript("$pack is the packer's own", self._source[taken:])
        pieces, at = [], 0
        for start, end, code in self._changes():
            pieces += [self._source[at:start], code]
            at = end
        code = "".join(pieces) + self._source[at:]
        return Module(self._name, code, tuple(self._imports), tuple(self._lazy), self._exports)

    def _changes(self) -> Iterator[tuple[int, int, str]]:
        """What stands from where to where and becomes what."""
        for word in WORD.finditer(self._searched):
            at = word.start()
            for form, read in self._forms:
                if found := form.match(self._searched, at):
                    yield at, found.end(), read(found)
                    break
            else:
                raise UnreadableScript(f"unknown form of {word[0]}", self._source[at:])

    def _property(self, found: re.Match[str]) -> str:
        return found[0]

    def _address(self, _: re.Match[str]) -> str:
        return f'$pack.at("{self._name}")'

    def _asked(self, found: re.Match[str]) -> str:
        module = self._module(found)
        if module in self._apart:
            return f'import("{self._apart[module]}")'
        self._lazy.append(module)
        return f'$pack.load("{module}")'

    def _imported(self, found: re.Match[str]) -> str:
        names = [("default", own)] if (own := found["default"] or found["first"]) else []
        names += self._names(found)
        self._imports.append(Import(self._module(found), tuple(names), found["space"] or ""))
        return ""

    def _declared(self, found: re.Match[str]) -> str:
        if found["what"].startswith("const"):
            self._alone(found)
        self._export(found, found["name"], found["name"])
        return f"{found['what']}{found['name']}"

    def _default(self, found: re.Match[str]) -> str:
        name = found["name"] or "$packed"
        self._export(found, "default", name)
        return f"{found['what']} {name} "

    def _listed(self, found: re.Match[str]) -> str:
        other = ""
        if found["from"] is not None or found["also"] is not None:
            names = self._names(found)
            module = self._module(found)
            self._imports.append(Import(module, tuple((there, "") for there, _ in names)))
            other = f'$pack.use("{module}").'
        for own, told in self._names(found):
            self._export(found, told, f"{other}{own}")
        return ""

    def _whole(self, found: re.Match[str]) -> str:
        module = self._module(found)
        self._imports.append(Import(module))
        self._export(found, found["space"], f'$pack.use("{module}")')
        return ""

    def _names(self, found: re.Match[str]) -> list[tuple[str, str]]:
        """Of a list in braces, whose last name may have a comma behind it."""
        listed = [each.strip() for each in (found["names"] or "").split(",")]
        read = [NAMED.fullmatch(each) for each in (listed if listed[-1] else listed[:-1])]
        if not all(read):
            raise UnreadableScript("unknown form of a name", self._source[found.start() :])
        return [(each[1], each[2] or each[1]) for each in read if each]

    def _module(self, found: re.Match[str]) -> str:
        start, end = found.span("from" if found["from"] is not None else "also")
        if not PATH.fullmatch(told := self._source[start:end]):
            raise UnreadableScript("no relative path of a module", self._source[found.start() :])
        return posixpath.normpath(posixpath.join(posixpath.dirname(self._name), told))

    def _export(self, found: re.Match[str], name: str, expression: str) -> None:
        if name in self._exports:
            raise UnreadableScript(f"a second {name}", self._source[found.start() :])
        self._exports[name] = expression

    def _alone(self, found: re.Match[str]) -> None:
        """A comma outside of all brackets would declare another constant, which is exported too."""
        depth = 0
        for at in range(found.end(), len(self._searched)):
            mark = self._searched[at]
            depth += (mark in "([{") - (mark in ")]}")
            if mark == ";" and depth == 0:
                return
            if mark == "," and depth == 0:
                raise UnreadableScript("a comma where one constant is exported", self._source[at:])

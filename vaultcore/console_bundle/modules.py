"""Parses a JavaScript module of the console into its code, imports and exports.

Of the syntax of ECMA-262, section 16.2, these forms are supported; any other raises `ScriptSyntaxError`:

    import a, { b as c } from "./x.js"      export { a, b as c }            export const a = …
    import * as a from "./x.js"             export { a } from "./x.js"      export [default] class a …
    import "./x.js"; import("./x.js")       export * as a from "./x.js"     export [default] function a …
    import.meta.url                                                         export default function (…
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from vaultcore.console_bundle.lexer import ScriptSyntaxError, strip_comments
from vaultcore.lazy_dataclass import dataclass

ID = r"[A-Za-z_$][\w$]*"
SPEC = r"(?:\"(?P<from>[ ]*)\"|'(?P<also>[ ]*)')"  # quoted text is blank in the searchable copy
END = r"[ \t]*(?:;|(?=\n|$))"
WORD = re.compile(
    r"(?<![\w$])(?<!(?<!\.\.)\.)(?:import|export)(?![\w$])"
)  # not a property, but a spread import is found
PROPERTY = re.compile(r"\w+\s*:")
META = re.compile(r"import\.meta\.url(?![\w$])")
LAZY = re.compile(rf"import\(\s*{SPEC}\s*\)")
IMPORT = re.compile(
    rf"import(?:(?:\s+(?P<default>{ID})\b|\s*\*\s*as\s+(?P<namespace>{ID})\b"
    rf"|(?:\s+(?P<first>{ID})\s*,)?\s*\{{(?P<names>[^{{}}]*)\}})\s*from)?\s*{SPEC}{END}"
)
DECLARATION = re.compile(
    rf"export\s+(?P<what>const\s|class\s|(?:async\s+)?function\b\s*\*?)\s*(?P<name>(?!extends\b){ID})"
)
DEFAULT = re.compile(
    rf"export\s+default\s+(?P<what>class\b|(?:async\s+)?function\b\s*\*?)\s*(?P<name>(?!extends\b){ID})?"
)
EXPORT_LIST = re.compile(rf"export\s*\{{(?P<names>[^{{}}]*)\}}(?:\s*from\s*{SPEC})?{END}")
NAMESPACE = re.compile(rf"export\s*\*\s*as\s+(?P<namespace>{ID})\s*from\s*{SPEC}{END}")
NAME = re.compile(rf"({ID})(?:\s+as\s+({ID}))?")
PATH = re.compile(r"\.{1,2}/[\w./-]+")


@dataclass(frozen=True, slots=True)
class ImportClause:
    """One import of a module: its names as (exported, local) pairs, and the namespace's local name."""

    module: str
    names: tuple[tuple[str, str], ...] = ()
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class JavaScriptModule:
    """A module's code without its imports and exports, which are separate. `$pack` is the bundle's table."""

    name: str
    code: str
    imports: tuple[ImportClause, ...]
    lazy: tuple[str, ...]  # modules of its `import()` calls
    exports: dict[str, str]  # exported name -> expression


def parse_module(
    name: str, source: str, external: Mapping[str, str] = MappingProxyType({})
) -> JavaScriptModule:
    """Parse the module at the path `name`. Raises `ScriptSyntaxError`.

    A dynamic import stays an `import()` of a separate file if `external` has its URL.
    """
    return _ModuleParser(name, source, external).parse()


class _ModuleParser:
    def __init__(self, name: str, source: str, external: Mapping[str, str]) -> None:
        self._name, self._external = name, external
        self._source, self._searchable = strip_comments(source)
        self._imports: list[ImportClause] = []
        self._lazy: list[str] = []
        self._exports: dict[str, str] = {}
        self._forms = (
            (META, self._meta_url),
            (LAZY, self._lazy_import),
            (IMPORT, self._static_import),
            (DECLARATION, self._declaration),
            (DEFAULT, self._default_export),
            (EXPORT_LIST, self._export_list),
            (NAMESPACE, self._namespace_export),
            (PROPERTY, self._property),
        )

    def parse(self) -> JavaScriptModule:
        if (start := self._source.find("$pack")) >= 0:
            raise ScriptSyntaxError("$pack is reserved", self._source[start:])
        pieces, at = [], 0
        for start, end, code in self._replacements():
            pieces += [self._source[at:start], code]
            at = end
        code = "".join(pieces) + self._source[at:]
        return JavaScriptModule(self._name, code, tuple(self._imports), tuple(self._lazy), self._exports)

    def _replacements(self) -> Iterator[tuple[int, int, str]]:
        """Yield (start, end, new code) for every import and export."""
        for word in WORD.finditer(self._searchable):
            at = word.start()
            for form, handle in self._forms:
                if match := form.match(self._searchable, at):
                    yield at, match.end(), handle(match)
                    break
            else:
                raise ScriptSyntaxError(f"unsupported {word[0]}", self._source[at:])

    def _property(self, match: re.Match[str]) -> str:
        return match[0]

    def _meta_url(self, _: re.Match[str]) -> str:
        return f'$pack.at("{self._name}")'

    def _lazy_import(self, match: re.Match[str]) -> str:
        module = self._module(match)
        if module in self._external:
            return f'import("{self._external[module]}")'
        self._lazy.append(module)
        return f'$pack.load("{module}")'

    def _static_import(self, match: re.Match[str]) -> str:
        names = [("default", local)] if (local := match["default"] or match["first"]) else []
        names += self._names(match)
        self._imports.append(ImportClause(self._module(match), tuple(names), match["namespace"] or ""))
        return ""

    def _declaration(self, match: re.Match[str]) -> str:
        if match["what"].startswith("const"):
            self._require_single(match)
        self._export(match, match["name"], match["name"])
        return f"{match['what']}{match['name']}"

    def _default_export(self, match: re.Match[str]) -> str:
        name = match["name"] or "$packed"
        self._export(match, "default", name)
        return f"{match['what']} {name} "

    def _export_list(self, match: re.Match[str]) -> str:
        prefix = ""
        if match["from"] is not None or match["also"] is not None:
            names = self._names(match)
            module = self._module(match)
            self._imports.append(ImportClause(module, tuple((exported, "") for exported, _ in names)))
            prefix = f'$pack.use("{module}").'
        for local, exported in self._names(match):
            self._export(match, exported, f"{prefix}{local}")
        return ""

    def _namespace_export(self, match: re.Match[str]) -> str:
        module = self._module(match)
        self._imports.append(ImportClause(module))
        self._export(match, match["namespace"], f'$pack.use("{module}")')
        return ""

    def _names(self, match: re.Match[str]) -> list[tuple[str, str]]:
        """Return (name, alias) pairs of a list in braces, which may end with a comma."""
        items = [each.strip() for each in (match["names"] or "").split(",")]
        matches = [NAME.fullmatch(each) for each in (items if items[-1] else items[:-1])]
        if not all(matches):
            raise ScriptSyntaxError("unsupported name", self._source[match.start() :])
        return [(each[1], each[2] or each[1]) for each in matches if each]

    def _module(self, match: re.Match[str]) -> str:
        start, end = match.span("from" if match["from"] is not None else "also")
        if not PATH.fullmatch(path := self._source[start:end]):
            raise ScriptSyntaxError("not a relative module path", self._source[match.start() :])
        return posixpath.normpath(posixpath.join(posixpath.dirname(self._name), path))

    def _export(self, match: re.Match[str], name: str, expression: str) -> None:
        if name in self._exports:
            raise ScriptSyntaxError(f"duplicate export {name}", self._source[match.start() :])
        self._exports[name] = expression

    def _require_single(self, match: re.Match[str]) -> None:
        """Reject a comma outside of brackets, which declares a second exported constant."""
        depth = 0
        for at in range(match.end(), len(self._searchable)):
            mark = self._searchable[at]
            depth += (mark in "([{") - (mark in ")]}")
            if mark == ";" and depth == 0:
                return
            if mark == "," and depth == 0:
                raise ScriptSyntaxError("more than one exported constant", self._source[at:])

"""Joins JavaScript modules into one script: a table of functions, each called on its first import."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType

from vaultcore.console_bundle.lexer import ScriptSyntaxError
from vaultcore.console_bundle.modules import ImportClause, JavaScriptModule, parse_module

# Every module refers to $pack; no module may define that name.
HEAD = """(() => {
"use strict";
const loaded = new Map();
const $pack = {
  use: (name) => loaded.get(name) ?? (loaded.set(name, Object.freeze(parts[name]())), loaded.get(name)),
  load: (name) => Promise.resolve().then(() => $pack.use(name)),
  at: (name) => new URL(name, document.baseURI).href,
};
const parts = {
"""
FOOT = """};
$pack.use("%s");
})();
"""


class BundleError(ValueError):
    """A module cannot be parsed, imports a missing module or name, or imports itself."""

    def __init__(self, module: str, reason: str) -> None:
        self.module, self.reason = module, reason
        super().__init__(f"{module}: {reason}")


def bundle_modules(
    sources: Mapping[str, str], entry: str, external: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Return one script that runs the module `entry`, from {path: source}. The output is deterministic.

    It can be served as a module or as a classic script. Each module follows the modules that it imports.
    A dynamic `import()` runs a bundled module on demand, or loads the URL that `external` has for it.
    Unused modules and comments are omitted. `import.meta.url` becomes the module's path below the document's
    URL. Modules must not use top-level `await`. Raises `BundleError`.
    """
    modules: dict[str, JavaScriptModule] = {}
    pending = [entry]
    parse = partial(parse_module, external=external)
    for name in pending:  # grows during the loop
        _add(name, sources, modules, parse)
        pending += [lazy for each in modules.values() for lazy in each.lazy if lazy not in pending]
    return HEAD + "".join(_part(each) for each in modules.values()) + FOOT % entry


def _add(
    name: str,
    sources: Mapping[str, str],
    modules: dict[str, JavaScriptModule],
    parse: Callable[[str, str], JavaScriptModule],
    importers: tuple[str, ...] = (),
) -> None:
    """Add a module after all modules that it imports."""
    if name in modules:
        return
    if name in importers:
        raise BundleError(name, f"import cycle through {importers[-1]}")
    if name not in sources:
        raise BundleError(name, f"not found (imported by {importers[-1]})" if importers else "not found")
    try:
        module = parse(name, sources[name])
    except ScriptSyntaxError as error:
        raise BundleError(name, str(error)) from error
    for each in module.imports:
        _add(each.module, sources, modules, parse, (*importers, name))
        for exported, _ in each.names:
            if exported not in modules[each.module].exports:
                raise BundleError(name, f"{each.module} does not export {exported}")
    modules[name] = module


def _part(module: JavaScriptModule) -> str:
    """Return a module as an entry of the table."""
    imports = "".join(line for each in module.imports for line in _import_lines(each))
    exports = ", ".join(f"{name}: {expression}" for name, expression in module.exports.items())
    return (
        f'"{module.name}": () => {{\n{imports}{module.code}\nreturn {{ __proto__: null, {exports} }};\n}},\n'
    )


def _import_lines(clause: ImportClause) -> Iterator[str]:
    bindings = ", ".join(
        exported if exported == local else f"{exported}: {local}" for exported, local in clause.names if local
    )
    module = f'$pack.use("{clause.module}")'
    if clause.namespace:
        yield f"const {clause.namespace} = {module};\n"
    yield f"const {{ {bindings} }} = {module};\n" if bindings else "" if clause.namespace else f"{module};\n"

"""Several JavaScript modules as one script: each a function of a table, called when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType

from vaultcore.console_bundle.lexer import UnreadableScript
from vaultcore.console_bundle.modules import Import, Module, parse

# The name of the table is in every module, and no module may have it.
HEAD = """(() => {
"use strict";
const made = new Map();
const $pack = {
  use: (name) => made.get(name) ?? (made.set(name, Object.freeze(parts[name]())), made.get(name)),
  load: (name) => Promise.resolve().then(() => $pack.use(name)),
  at: (name) => new URL(name, document.baseURI).href,
};
const parts = {
"""
FOOT = """};
$pack.use("%s");
})();
"""


class UnpackableModule(ValueError):
    """A module that cannot be read, that asks for what is not there, or for itself."""

    def __init__(self, module: str, reason: str) -> None:
        self.module, self.reason = module, reason
        super().__init__(f"{module}: {reason}")


def pack(sources: Mapping[str, str], entry: str, apart: Mapping[str, str] = MappingProxyType({})) -> str:
    """One script that does what the module `entry` does, of {path: source}; the same for the same sources.

    It may be served as a module or as a classic script. Modules come behind those that they import; what is
    asked for by `import()` is in it too, and runs when it is asked for, or has an address in `apart` and is
    loaded from there. What nobody asks for is left out, and so are comments. `import.meta.url` becomes the
    module's path below the document's own address. No module may have a top-level `await`. Raises
    `UnpackableModule`.
    """
    modules: dict[str, Module] = {}
    asked = [entry]
    read = partial(parse, apart=apart)
    for name in asked:  # grows meanwhile
        _add(name, sources, modules, read)
        asked += [lazy for each in modules.values() for lazy in each.lazy if lazy not in asked]
    return HEAD + "".join(_part(each) for each in modules.values()) + FOOT % entry


def _add(
    name: str,
    sources: Mapping[str, str],
    modules: dict[str, Module],
    read: Callable[[str, str], Module],
    above: tuple[str, ...] = (),
) -> None:
    """Add a module behind all that it imports."""
    if name in modules:
        return
    if name in above:
        raise UnpackableModule(name, f"imports itself by way of {above[-1]}")
    if name not in sources:
        raise UnpackableModule(name, f"is not there for {above[-1]}" if above else "is not there")
    try:
        module = read(name, sources[name])
    except UnreadableScript as error:
        raise UnpackableModule(name, str(error)) from error
    for each in module.imports:
        _add(each.module, sources, modules, read, (*above, name))
        for there, _ in each.names:
            if there not in modules[each.module].exports:
                raise UnpackableModule(name, f"{each.module} exports no {there}")
    modules[name] = module


def _part(module: Module) -> str:
    """A module as an entry of the table."""
    taken = "".join(line for each in module.imports for line in _taken(each))
    given = ", ".join(f"{name}: {expression}" for name, expression in module.exports.items())
    return f'"{module.name}": () => {{\n{taken}{module.code}\nreturn {{ __proto__: null, {given} }};\n}},\n'


def _taken(made: Import) -> Iterator[str]:
    own = ", ".join(there if there == here else f"{there}: {here}" for there, here in made.names if here)
    asked = f'$pack.use("{made.module}")'
    if made.space:
        yield f"const {made.space} = {asked};\n"
    yield f"const {{ {own} }} = {asked};\n" if own else "" if made.space else f"{asked};\n"

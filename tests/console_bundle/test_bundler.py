"""The packer of the console's modules, held to what a JavaScript engine does with the modules themselves."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from vaultcore.console_bundle.bundler import UnpackableModule, pack
from vaultcore.web.console import FILES

NODE = shutil.which("node") or ""
engine = pytest.mark.skipif(not NODE, reason="needs node")

FORMS = {
    "main.js": """
        import fallback, { plain as renamed, counted, Shape } from "./lib/forms.js";
        import * as all from './lib/forms.js';
        import * as again from "./lib/again.js";
        import { plain, far, whole, default as other } from "./lib/again.js";
        import {
          late,
          max,
        } from "./vendor/min.js";
        import "./lib/effect.js";
        import unnamed from "./lib/unnamed.js"; import Base from "./lib/base.js";
        console.log(unnamed(2), new Base().base(), [] instanceof Base);
        console.log(fallback(), renamed, counted.join(), new Shape().sides, plain, far);
        console.log(other(), max, late());
        console.log(Object.keys(all).sort().join(), whole === again.whole);
        console.log(Object.keys(again).sort().join(), globalThis.effect);
        import("./lib/lazy.js").then((lazy) => console.log(lazy.default(3), Object.keys(lazy).join()));
        console.log("the lazy one has not run:", globalThis.lazy);
        console.log(new URL("..", import.meta.url).href === new URL("../", document.baseURI).href);
    """,
    "lib/forms.js": """
        export const plain = "plain"; // a comment, and "another", with 'quotes` in it
        const nothing = [1, 2];
        export const counted = nothing.map((each, at) => each + at);
        export default function own() { return "own"; }
        export async function* pieces() { yield 1; }
        export class Shape { sides = 4; get whole() { return 1; } }
        export async function waits() { return { export: 1, import: 2 }.import; }
    """,
    "lib/again.js": """
        export { default, plain } from "./forms.js";
        export { plain as far } from "./forms.js"
        export * as whole from "./forms.js";
    """,
    "lib/unnamed.js": "export default function(a){return a+a}",
    "lib/base.js": "export default class extends Array{ base() { return `base${this.length}`; } }",
    "lib/effect.js": "globalThis.effect = (globalThis.effect ?? 0) + 1",
    "lib/lazy.js": """
        import { max } from "../vendor/min.js"; globalThis.lazy = 1;
        const one = { two: /[/"']import x from/.test("x") || 4 / 2 / 1 };
        export { thrice as default, one };
        console.log(one);
        function thrice(what) { return what * 3 + max + one.two; }
    """,
    "vendor/min.js": "var a=1;function b(){return a}a=7/1;export{b as late,a as max};",
}

TEXT = r"""
    import { shown } from "./other.js";
    const said = [
      "import { a } from './b.js'; export const c = 1;",
      'export default function x() {} // not a comment \' export { y }',
      `import z from "./z.js"; ${[1, 2].map((n) => `${n} export ${{ a: "}`" }.a} /* kept */`).join(" ")} {`,
      /export {[`"'/]}? import\/\("./.source, "\\", 12 / 3 / 2, `\${`, /[/]"/.source,
    ]; /* import { d } from "./d.js" */
    // import { e } from "./e.js"
    for (const each of said) console.log(each);
    console.log(shown({ import: 1, export: 2 }), `two
    lines`);
"""


@engine
@pytest.mark.parametrize("entry", ["main.js", "lib/lazy.js"])
def test_every_form_does_what_it_does_unpacked(tmp_path: Path, entry: str) -> None:
    """Defaults, names, namespaces, re-exports, minified lists and lazy modules are the same in one script."""
    assert run_packed(tmp_path, FORMS, entry) == run_modules(tmp_path, FORMS, entry)


@engine
def test_what_is_quoted_is_not_touched(tmp_path: Path) -> None:
    """Strings, templates in templates and regular expressions that read like imports stay as they are."""
    sources = {"main.js": TEXT, "other.js": "export const shown = (of) => Object.keys(of).join();"}

    told = run_packed(tmp_path, sources, "main.js")

    assert told == run_modules(tmp_path, sources, "main.js")
    assert "import { a } from './b.js'; export const c = 1;" in told


@engine
@pytest.mark.parametrize("seed", range(4))
def test_modules_run_in_the_order_of_the_engine(tmp_path: Path, seed: int) -> None:
    """Each runs once, behind all that it imports, in the order that the language lays down."""
    sources = graph(random.Random(seed), 25)

    assert run_packed(tmp_path, sources, "m0.js") == run_modules(tmp_path, sources, "m0.js")


@pytest.mark.parametrize("seed", range(4))
def test_one_script_of_the_same_sources(seed: int) -> None:
    """Neither the order of the sources nor what nobody imports changes a byte."""
    sources = graph(random.Random(seed), 25)
    shuffled = [*sources.items(), ("unread.js", "export * from nothing")]
    random.Random(seed + 1).shuffle(shuffled)

    assert pack(dict(shuffled), "m0.js") == pack(sources, "m0.js")


@engine
def test_a_module_may_lead_back_to_who_imports_it_lazily(tmp_path: Path) -> None:
    """A cycle that is closed by `import()` alone is none, as everybody has run by then."""
    sources = {
        "a.js": 'import { b } from "./b.js"; export const a = 1; b().then((got) => console.log(got.a));',
        "b.js": 'export const b = () => import("./a.js");',
    }

    assert run_packed(tmp_path, sources, "a.js") == "1\n"


@engine
def test_a_module_may_stay_a_file_of_its_own(tmp_path: Path) -> None:
    """What is asked for while the script runs may have an address, and is not in the script then."""
    far = "export const a = 'far';"
    main = 'import("./lib/far.js").then((far) => console.log(far.a));'
    packed = pack({"main.js": main, "lib/far.js": far}, "main.js", {"lib/far.js": "./far.1.mjs"})
    files = {"packed.cjs": packed, "far.1.mjs": far}

    assert "'far'" not in packed
    assert _run(tmp_path / "packed", files, "packed.cjs") == "far\n"


@pytest.mark.parametrize(
    "source",
    [
        'import { b } from "./b.js"',  # which imports a.js
        'import { gone } from "./leaf.js"',
        'import gone from "./leaf.js"',
        'export { gone } from "./leaf.js"',
        'import { x } from "./nowhere.js"',
        'import { x } from "leaf.js"',
        'import { x } from "https://elsewhere.test/leaf.js"',
        'import { "x" as y } from "./leaf.js"',
        'import { x } from "./leaf.js" with { type: "json" }',
        'const x = await import("./nowhere.js")',
        "const x = await import(name)",
        "const x = [...import(name)]",
        'import("./leaf.js", {})',
        "import(`./leaf.js`)",
        "console.log(import.meta.resolve)",
        "export let a = 1",
        "export var a = 1",
        "export const { a } = leaf",
        "export const a = [1, 2], b = 3;",
        "export const a = 1; export { b as a }; const b = 1;",
        "export default 1",
        "export default () => 1",
        "export default async () => 1",
        'export * from "./leaf.js"',
        "const $pack = 1",
        'const a = "never closed',
        "const a = `never ${closed`",
        "const a = /never closed",
    ],
)
def test_what_it_cannot_do_it_refuses(source: str) -> None:
    """No unknown form of import or export passes, nor a name or a module that is not there, nor a cycle."""
    sources = {
        "a.js": source,
        "b.js": 'import "./c.js"; export const b = 1;',
        "c.js": 'import "./a.js";',
        "leaf.js": "export const x = 1;",
    }

    with pytest.raises(UnpackableModule):
        pack(sources, "a.js")


def test_licences_stay() -> None:
    """What is left out of other people's code is not what they demand to be left in."""
    sources = {"a.js": "/*! @license MIT */ /* words */ // more\n// Copyright of others\nexport const a = 1;"}

    packed = pack(sources, "a.js")

    assert "/*! @license MIT */" in packed
    assert "// Copyright of others\n" in packed
    assert "words" not in packed
    assert "more" not in packed


@engine
def test_the_console_is_one_script(tmp_path: Path) -> None:
    """All of its modules can be packed, and an engine can read the outcome."""
    sources = {path.relative_to(FILES).as_posix(): path.read_text("utf-8") for path in FILES.rglob("*.js")}
    (tmp_path / "packed.cjs").write_text(pack(sources, "main.js"), "utf-8")

    subprocess.run([NODE, "--check", "packed.cjs"], cwd=tmp_path, check=True)
    for name in ("views/vault.js", "views/chat.js", "vendor/marked.js", "vendor/purify.js"):
        assert f'"{name}": () => {{' in (tmp_path / "packed.cjs").read_text("utf-8")


def graph(chance: random.Random, size: int) -> dict[str, str]:
    """Modules that import later ones in any form, and say that they run and what they got."""
    sources = {}
    for at in range(size):
        below = range(at + 1, size)
        lines, got = [], []
        for other in chance.sample(below, min(len(below), chance.randrange(4))):
            form, name = chance.randrange(4), f"x{other}"
            lines.append(
                [
                    f'import {{ value as {name} }} from "./m{other}.js";',
                    f'import {name} from "./m{other}.js";',
                    f'import * as {name} from "./m{other}.js";',
                    f'import "./m{other}.js"; const {name} = {other};',
                ][form]
            )
            got.append(f"{name}.value" if form == 2 else f"{name}()" if form == 1 else name)
        total = " + ".join(["1", *got])
        body = [
            f'console.log("m{at}", {total});',
            f"export const value = {total};",
            "export default function own() { return value; }",
        ]
        chance.shuffle(lines)
        sources[f"m{at}.js"] = "\n".join([body[2], *lines, *body[:2]] if at % 2 else [*lines, *body])
    return sources


def run_packed(folder: Path, sources: dict[str, str], entry: str) -> str:
    return _run(folder / "packed", {"packed.cjs": pack(sources, entry)}, "packed.cjs")


def run_modules(folder: Path, sources: dict[str, str], entry: str) -> str:
    return _run(folder / "modules", {"package.json": json.dumps({"type": "module"}), **sources}, entry)


def _run(folder: Path, files: dict[str, str], entry: str) -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    (folder / "document.cjs").write_text(f"globalThis.document = {{ baseURI: {(folder.as_uri() + '/')!r} }};")
    command = [NODE, "--require", "./document.cjs", entry]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return done.stdout

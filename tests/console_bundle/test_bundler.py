"""The bundler of the console's modules, compared with a JavaScript engine that runs the modules."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from vaultcore.console_bundle.bundler import BundleError, bundle_modules
from vaultcore.web.console import FILES

NODE = shutil.which("node") or ""
needs_node = pytest.mark.skipif(not NODE, reason="needs node")

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
    import { keys } from "./other.js";
    const lines = [
      "import { a } from './b.js'; export const c = 1;",
      'export default function x() {} // not a comment \' export { y }',
      `import z from "./z.js"; ${[1, 2].map((n) => `${n} export ${{ a: "}`" }.a} /* kept */`).join(" ")} {`,
      /export {[`"'/]}? import\/\("./.source, "\\", 12 / 3 / 2, `\${`, /[/]"/.source,
    ]; /* import { d } from "./d.js" */
    // import { e } from "./e.js"
    for (const each of lines) console.log(each);
    console.log(keys({ import: 1, export: 2 }), `two
    lines`);
"""


@needs_node
@pytest.mark.parametrize("entry", ["main.js", "lib/lazy.js"])
def test_every_form_behaves_like_modules(tmp_path: Path, entry: str) -> None:
    """Defaults, names, namespaces, re-exports, minified lists and lazy modules behave like real modules."""
    assert run_bundled(tmp_path, FORMS, entry) == run_modules(tmp_path, FORMS, entry)


@needs_node
def test_quoted_text_is_unchanged(tmp_path: Path) -> None:
    """Strings, nested templates and regular expressions that look like imports are unchanged."""
    sources = {"main.js": TEXT, "other.js": "export const keys = (of) => Object.keys(of).join();"}

    output = run_bundled(tmp_path, sources, "main.js")

    assert output == run_modules(tmp_path, sources, "main.js")
    assert "import { a } from './b.js'; export const c = 1;" in output


@needs_node
@pytest.mark.parametrize("seed", range(4))
def test_modules_run_in_specified_order(tmp_path: Path, seed: int) -> None:
    """Each module runs once, after its imports, in the order of the specification."""
    sources = graph(random.Random(seed), 25)

    assert run_bundled(tmp_path, sources, "m0.js") == run_modules(tmp_path, sources, "m0.js")


@pytest.mark.parametrize("seed", range(4))
def test_the_output_is_deterministic(seed: int) -> None:
    """Neither the order of sources nor unused modules change a byte."""
    sources = graph(random.Random(seed), 25)
    shuffled = [*sources.items(), ("unread.js", "export * from nothing")]
    random.Random(seed + 1).shuffle(shuffled)

    assert bundle_modules(dict(shuffled), "m0.js") == bundle_modules(sources, "m0.js")


@needs_node
def test_a_lazy_import_may_close_a_cycle(tmp_path: Path) -> None:
    """A cycle closed only by `import()` is allowed, because all modules have run by then."""
    sources = {
        "a.js": 'import { b } from "./b.js"; export const a = 1; b().then((all) => console.log(all.a));',
        "b.js": 'export const b = () => import("./a.js");',
    }

    assert run_bundled(tmp_path, sources, "a.js") == "1\n"


@needs_node
def test_a_module_can_stay_external(tmp_path: Path) -> None:
    """A lazy module with a URL is loaded from it and is not in the script."""
    far = "export const a = 'far';"
    main = 'import("./lib/far.js").then((far) => console.log(far.a));'
    bundle = bundle_modules({"main.js": main, "lib/far.js": far}, "main.js", {"lib/far.js": "./far.1.mjs"})
    files = {"bundle.cjs": bundle, "far.1.mjs": far}

    assert "'far'" not in bundle
    assert _run_node(tmp_path / "bundle", files, "bundle.cjs") == "far\n"


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
def test_unsupported_sources_are_rejected(source: str) -> None:
    """Unsupported imports and exports, missing names or modules, and cycles are rejected."""
    sources = {
        "a.js": source,
        "b.js": 'import "./c.js"; export const b = 1;',
        "c.js": 'import "./a.js";',
        "leaf.js": "export const x = 1;",
    }

    with pytest.raises(BundleError):
        bundle_modules(sources, "a.js")


def test_licences_are_kept() -> None:
    """Comments are removed, but licences of third-party code are kept."""
    sources = {"a.js": "/*! @license MIT */ /* words */ // more\n// Copyright of others\nexport const a = 1;"}

    bundle = bundle_modules(sources, "a.js")

    assert "/*! @license MIT */" in bundle
    assert "// Copyright of others\n" in bundle
    assert "words" not in bundle
    assert "more" not in bundle


@needs_node
def test_the_console_is_one_script(tmp_path: Path) -> None:
    """All console modules can be bundled, and an engine can parse the result."""
    sources = {path.relative_to(FILES).as_posix(): path.read_text("utf-8") for path in FILES.rglob("*.js")}
    (tmp_path / "bundle.cjs").write_text(bundle_modules(sources, "main.js"), "utf-8")

    subprocess.run([NODE, "--check", "bundle.cjs"], cwd=tmp_path, check=True)
    for name in ("views/vault.js", "views/chat.js", "vendor/marked.js", "vendor/purify.js"):
        assert f'"{name}": () => {{' in (tmp_path / "bundle.cjs").read_text("utf-8")


def graph(rng: random.Random, size: int) -> dict[str, str]:
    """Return modules that import later ones in any form, and print their order and values."""
    sources = {}
    for at in range(size):
        below = range(at + 1, size)
        lines, values = [], []
        for other in rng.sample(below, min(len(below), rng.randrange(4))):
            form, name = rng.randrange(4), f"x{other}"
            lines.append(
                [
                    f'import {{ value as {name} }} from "./m{other}.js";',
                    f'import {name} from "./m{other}.js";',
                    f'import * as {name} from "./m{other}.js";',
                    f'import "./m{other}.js"; const {name} = {other};',
                ][form]
            )
            values.append(f"{name}.value" if form == 2 else f"{name}()" if form == 1 else name)
        total = " + ".join(["1", *values])
        body = [
            f'console.log("m{at}", {total});',
            f"export const value = {total};",
            "export default function own() { return value; }",
        ]
        rng.shuffle(lines)
        sources[f"m{at}.js"] = "\n".join([body[2], *lines, *body[:2]] if at % 2 else [*lines, *body])
    return sources


def run_bundled(folder: Path, sources: dict[str, str], entry: str) -> str:
    return _run_node(folder / "bundle", {"bundle.cjs": bundle_modules(sources, entry)}, "bundle.cjs")


def run_modules(folder: Path, sources: dict[str, str], entry: str) -> str:
    return _run_node(folder / "modules", {"package.json": json.dumps({"type": "module"}), **sources}, entry)


def _run_node(folder: Path, files: dict[str, str], entry: str) -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    (folder / "document.cjs").write_text(f"globalThis.document = {{ baseURI: {(folder.as_uri() + '/')!r} }};")
    command = [NODE, "--require", "./document.cjs", entry]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return done.stdout

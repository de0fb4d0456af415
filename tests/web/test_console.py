"""How the console is served: few files, compressed, kept by the browser, and new ones after a change."""

from __future__ import annotations

import asyncio
import gzip
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from os import utime
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.fakes.served import prepare_home, run_serve
from vaultcore.console_bundle.site import build_assets
from vaultcore.console_bundle.vault_page import build_page
from vaultcore.simulators.server import simulated
from vaultcore.web.console import FILES, POLICY, Console

IMMUTABLE = "public, max-age=31536000, immutable"
INDEX = '<link rel="stylesheet" href="a.css">\n<script type="module" src="a.js"></script>'
NAMES = re.compile(r"console\.[0-9a-f]{16}\.(?:js|css)")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Of a gateway on a socket, asking as programs do that know no compression."""
    home = tmp_path_factory.mktemp("served")
    with (
        simulated({"openai": "openai"}) as simulators,
        run_serve(home, "--providers", str(prepare_home(home, simulators))) as up,
    ):
        headers = {"accept-encoding": "identity"}
        with httpx.Client(base_url=f"{up.url}/console/", headers=headers, trust_env=False) as client:
            yield client


def names(client: httpx.Client) -> list[str]:
    return NAMES.findall(client.get("").text)


def test_the_page_names_a_script_and_a_sheet(client: httpx.Client) -> None:
    """They are all that it names; their names are of their content, and a browser keeps them for good."""
    index = client.get("")
    linked = re.findall(r'(?:src|href)="([^"]*)"', index.text)

    assert linked == ["data:,", *names(client)]
    assert index.headers["cache-control"] == "no-cache"
    for name, kind in zip(linked[1:], ("text/css", "text/javascript"), strict=True):
        answer = client.get(name)
        assert answer.headers["cache-control"] == IMMUTABLE
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"


def test_other_peoples_code_keeps_its_names(client: httpx.Client, tmp_path: Path) -> None:
    """What only Markdown needs is loaded by names that no change of our own code changes."""
    [script] = [name for name in names(client) if name.endswith(".js")]
    external = re.findall(r'import\("\./([^"]*)"\)', client.get(script).text)
    changed = Path(shutil.copytree(FILES, tmp_path / "files"))
    write(changed, "theme.js", (changed / "theme.js").read_text("utf-8") + "globalThis.changed = 1;\n")

    assert {name.partition(".")[0] for name in external} == {"marked", "purify"}
    assert [client.get(name).headers["cache-control"] for name in external] == [IMMUTABLE] * 2
    assert script not in build_assets(changed)
    assert set(external) <= set(build_assets(changed))


def test_the_sheet_is_the_sheets_in_the_order_of_the_page(client: httpx.Client) -> None:
    """What a later sheet says of the same element still comes later."""
    sheets = re.findall(r'href="(style/[^"]+)"', (FILES / "index.html").read_text("utf-8"))
    [name] = [name for name in names(client) if name.endswith(".css")]

    assert len(sheets) > 5
    assert client.get(name).text == "\n".join((FILES / sheet).read_text("utf-8") for sheet in sheets)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "accepted", ["gzip", "br, GZIP;q=0.5", "br", "gzip;q=0", "identity, gzip; q=0.000", ""]
)
def test_it_is_compressed_for_who_takes_it(client: httpx.Client, accepted: str, method: str) -> None:
    """The content is one, caches are told that it has two forms, and HEAD tells the length of each."""
    takes = "gzip" in accepted.lower() and "q=0" not in accepted.replace("q=0.5", "")
    for name in ("", "docs/console.md", "vault.html", *names(client)):
        plain = client.get(name)
        with client.stream(method, name, headers={"accept-encoding": accepted}) as answer:
            raw = b"".join(answer.iter_raw())

        assert answer.headers.get("content-encoding") == ("gzip" if takes else None)
        assert answer.headers["vary"] == plain.headers["vary"] == "accept-encoding"
        assert answer.headers["etag"] == plain.headers["etag"]
        if method == "GET":
            assert (gzip.decompress(raw) if takes else raw) == plain.content
            assert int(answer.headers["content-length"]) == len(raw)
        else:
            assert raw == b""
            assert (int(answer.headers["content-length"]) < len(plain.content)) == takes


def test_what_a_browser_has_is_not_sent_again(client: httpx.Client) -> None:
    """A tag that fits, among others and weak or strong, is answered with 304 and no body; another is not."""
    for name in ("", "docs/README.md", *names(client)):
        tag = client.get(name).headers["etag"]
        for told in (tag, tag.removeprefix("W/"), f'"x", {tag}'):
            again = client.get(name, headers={"if-none-match": told})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
            assert again.headers["content-security-policy"] == POLICY
        assert client.get(name, headers={"if-none-match": f'"{tag}x"'}).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        *("console.0123456789abcde.js", "marked.0123456789abcdef.js"),
        *("main.js", "vendor/preact.js", "style/base.css"),
        *("docs", "docs/", "docs/gone.md", "%2e%2e/app.py", "docs/%2e%2e/index.html", "%2fetc/passwd"),
    ],
)
def test_nothing_else_is_served(client: httpx.Client, name: str) -> None:
    """Neither single modules, nor other people's code in another version, nor what lies outside."""
    asked = client.base_url.copy_with(raw_path=f"/console/{name}".encode())

    assert client.get(asked).status_code == 404


@pytest.mark.parametrize("kind", ["js", "css"])
def test_the_page_of_another_version_works_on(client: httpx.Client, kind: str) -> None:
    """A page that asks for a file of another version, deployed beside us, gets ours and does not keep it."""
    [ours] = [name for name in names(client) if name.endswith(kind)]
    answer = client.get(f"console.0123456789abcdef.{kind}")

    assert answer.content == client.get(ours).content
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_it_is_only_read(client: httpx.Client, method: str) -> None:
    """Other methods are refused with those that there are."""
    answer = client.request(method, "index.html")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_everything_bears_the_policy(client: httpx.Client) -> None:
    """Whatever is served lets nothing else run, is never guessed at, and is in nobody's frame."""
    for name in ("", "docs/README.md", *names(client)):
        headers = client.get(name).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"


def test_the_vaults_page_brings_its_own_policy(client: httpx.Client) -> None:
    """The one file is the same to the byte, under what it says of itself, and in nobody's frame."""
    answer = client.get("vault.html")

    assert answer.content == build_page().content
    assert answer.headers["content-security-policy"] == f"{build_page().policy}; frame-ancestors 'none'"


def test_a_change_is_seen_with_the_next_page(tmp_path: Path) -> None:
    """A file that is written, added or removed makes other names; those before lead to what there is now."""
    folder = tmp_path / "files"
    write(
        folder,
        "index.html",
        '<link rel="stylesheet" href="a.css">\n<script type="module" src="a.js"></script>',
    )
    write(folder, "a.css", "a {}")
    write(folder, "a.js", "export const a = 1;")
    write(folder, "docs/a.md", "# a")
    console = Console(folder)
    seen = [ask(console, "")[1]]
    for name, text in (("a.js", 'import "./b.js";'), ("b.js", "export const b = 2;"), ("a.css", "b {}")):
        write(folder, name, text)
        if name != "a.js":  # until its import is there, too
            seen.append(ask(console, "")[1])
    (folder / "docs/a.md").unlink()

    assert len(set(seen)) == 3
    assert ask(console, NAMES.findall(seen[0])[0]) == ask(console, NAMES.findall(seen[2])[0])
    assert [ask(console, name)[0] for name in NAMES.findall(seen[2])] == [200, 200]
    assert ask(console, "docs/a.md")[0] == 200
    assert ask(console, "")[1] == seen[2]
    assert ask(console, "docs/a.md")[0] == 404


def test_many_who_come_first_get_the_same(tmp_path: Path) -> None:
    """Requests that all come before anything is made are all answered with the same names."""
    console = Console(Path(shutil.copytree(FILES, tmp_path / "files")))
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: ask(console, ""), range(8)))

    assert {status for status, _ in told} == {200}
    assert len({text for _, text in told}) == 1


def test_without_its_files_it_serves_nothing(tmp_path: Path) -> None:
    """A bundle without the console answers 404, and fails nowhere."""
    assert {ask(Console(tmp_path), name)[0] for name in ("", "index.html", "vault.html", "x")} == {404}


def write(folder: Path, name: str, text: str) -> None:
    """A file, with a time of its own: two within a tick of the clock would have the same."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text, "utf-8")
    utime(path, ns=(before + 10**9, before + 10**9))


def ask(console: Console, name: str) -> tuple[int, str]:
    """The status and the text of an answer of the application alone."""

    async def asked() -> tuple[int, str]:
        transport = httpx.ASGITransport(Starlette(routes=[Mount("/console", console)]))
        async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
            answer = await client.get(f"/console/{name}")
            return answer.status_code, answer.text

    return asyncio.run(asked())

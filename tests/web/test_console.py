"""How the console is served: few files, compressed, cached by browsers, and renewed after a change."""

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

from tests.fakes.served import TWO_WORKERS, prepare_home, run_serve
from vaultcore.console_bundle.site import build_assets
from vaultcore.console_bundle.vault_page import build_page
from vaultcore.simulators.server import simulated
from vaultcore.web.console import FILES, POLICY, Console

IMMUTABLE = "public, max-age=31536000, immutable"
INDEX = '<link rel="stylesheet" href="a.css">\n<script type="module" src="a.js"></script>'
NAMES = re.compile(r"console\.[0-9a-f]{16}\.(?:js|css)")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Yield a client of a gateway on a socket; it accepts no compression by default."""
    home = tmp_path_factory.mktemp("served")
    with (
        simulated({"openai": "openai"}) as simulators,
        run_serve(home, "--providers", str(prepare_home(home, simulators)), environ=TWO_WORKERS) as up,
    ):
        headers = {"accept-encoding": "identity"}
        with httpx.Client(base_url=f"{up.url}/console/", headers=headers, trust_env=False) as client:
            yield client


def asset_names(client: httpx.Client) -> list[str]:
    return NAMES.findall(client.get("").text)


def test_the_page_loads_one_script_and_one_stylesheet(client: httpx.Client) -> None:
    """The page loads nothing else. Asset names contain a content hash, and browsers cache assets forever."""
    index = client.get("")
    linked = re.findall(r'(?:src|href)="([^"]*)"', index.text)

    assert linked == ["data:,", *asset_names(client)]
    assert index.headers["cache-control"] == "no-cache"
    for name, kind in zip(linked[1:], ("text/css", "text/javascript"), strict=True):
        response = client.get(name)
        assert response.headers["cache-control"] == IMMUTABLE
        assert response.headers["content-type"] == f"{kind}; charset=utf-8"


def test_vendored_code_keeps_its_names(client: httpx.Client, tmp_path: Path) -> None:
    """The Markdown libraries have names that do not change when the console's own code changes."""
    [script] = [name for name in asset_names(client) if name.endswith(".js")]
    external = re.findall(r'import\("\./([^"]*)"\)', client.get(script).text)
    changed = Path(shutil.copytree(FILES, tmp_path / "files"))
    write(changed, "theme.js", (changed / "theme.js").read_text("utf-8") + "globalThis.changed = 1;\n")

    assert {name.partition(".")[0] for name in external} == {"marked", "purify"}
    assert [client.get(name).headers["cache-control"] for name in external] == [IMMUTABLE] * 2
    assert script not in build_assets(changed)
    assert set(external) <= set(build_assets(changed))


def test_stylesheets_keep_their_order(client: httpx.Client) -> None:
    """The bundled stylesheet contains the page's stylesheets in order."""
    sheets = re.findall(r'href="(style/[^"]+)"', (FILES / "index.html").read_text("utf-8"))
    [name] = [name for name in asset_names(client) if name.endswith(".css")]

    assert len(sheets) > 5
    assert client.get(name).text == "\n".join((FILES / sheet).read_text("utf-8") for sheet in sheets)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "accepted", ["gzip", "br, GZIP;q=0.5", "br", "gzip;q=0", "identity, gzip; q=0.000", ""]
)
def test_gzip_for_clients_that_accept_it(client: httpx.Client, accepted: str, method: str) -> None:
    """The content is the same with and without gzip, caches vary by accept-encoding, and HEAD has the
    length."""
    is_gzip = "gzip" in accepted.lower() and "q=0" not in accepted.replace("q=0.5", "")
    for name in ("", "docs/console.md", "vault.html", *asset_names(client)):
        plain = client.get(name)
        with client.stream(method, name, headers={"accept-encoding": accepted}) as response:
            raw = b"".join(response.iter_raw())

        assert response.headers.get("content-encoding") == ("gzip" if is_gzip else None)
        assert response.headers["vary"] == plain.headers["vary"] == "accept-encoding"
        assert response.headers["etag"] == plain.headers["etag"]
        if method == "GET":
            assert (gzip.decompress(raw) if is_gzip else raw) == plain.content
            assert int(response.headers["content-length"]) == len(raw)
        else:
            assert raw == b""
            assert (int(response.headers["content-length"]) < len(plain.content)) == is_gzip


def test_a_matching_etag_gets_304(client: httpx.Client) -> None:
    """A matching tag, weak or strong, alone or in a list, gets 304 without a body; others get the file."""
    for name in ("", "docs/README.md", *asset_names(client)):
        tag = client.get(name).headers["etag"]
        for header in (tag, tag.removeprefix("W/"), f'"x", {tag}'):
            again = client.get(name, headers={"if-none-match": header})
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
def test_other_files_are_not_served(client: httpx.Client, name: str) -> None:
    """Single modules, other versions of vendored code and files outside the folder are 404 errors."""
    url = client.base_url.copy_with(raw_path=f"/console/{name}".encode())

    assert client.get(url).status_code == 404


@pytest.mark.parametrize("kind", ["js", "css"])
def test_assets_of_another_version_get_the_current_ones(client: httpx.Client, kind: str) -> None:
    """During a deployment a page of another version gets the current asset, which is not cached."""
    [current] = [name for name in asset_names(client) if name.endswith(kind)]
    response = client.get(f"console.0123456789abcdef.{kind}")

    assert response.content == client.get(current).content
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_get_and_head_are_allowed(client: httpx.Client, method: str) -> None:
    """Other methods are rejected with the allowed ones."""
    response = client.request(method, "index.html")

    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


def test_every_response_has_the_security_headers(client: httpx.Client) -> None:
    """Every response has the content security policy and forbids sniffing, framing and referrers."""
    for name in ("", "docs/README.md", *asset_names(client)):
        headers = client.get(name).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"


def test_the_vault_page_has_its_own_policy(client: httpx.Client) -> None:
    """The vault page is served byte for byte, with its own policy, and cannot be framed."""
    response = client.get("vault.html")

    assert response.content == build_page().content
    assert response.headers["content-security-policy"] == f"{build_page().policy}; frame-ancestors 'none'"


def test_a_changed_file_changes_the_next_page(tmp_path: Path) -> None:
    """A changed, added or removed file gives new asset names; old names lead to the current assets."""
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
    pages = [get(console, "")[1]]
    for name, text in (("a.js", 'import "./b.js";'), ("b.js", "export const b = 2;"), ("a.css", "b {}")):
        write(folder, name, text)
        if name != "a.js":  # until its import is there, too
            pages.append(get(console, "")[1])
    (folder / "docs/a.md").unlink()

    assert len(set(pages)) == 3
    assert get(console, NAMES.findall(pages[0])[0]) == get(console, NAMES.findall(pages[2])[0])
    assert [get(console, name)[0] for name in NAMES.findall(pages[2])] == [200, 200]
    assert get(console, "docs/a.md")[0] == 200
    assert get(console, "")[1] == pages[2]
    assert get(console, "docs/a.md")[0] == 404


def test_concurrent_first_requests_get_the_same_page(tmp_path: Path) -> None:
    """Concurrent requests before the first build all get the same asset names."""
    console = Console(Path(shutil.copytree(FILES, tmp_path / "files")))
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: get(console, ""), range(8)))

    assert {status for status, _ in results} == {200}
    assert len({text for _, text in results}) == 1


def test_without_files_every_path_is_404(tmp_path: Path) -> None:
    """A bundle without the console returns 404 and raises nothing."""
    assert {get(Console(tmp_path), name)[0] for name in ("", "index.html", "vault.html", "x")} == {404}


def write(folder: Path, name: str, text: str) -> None:
    """Write a file with a new modification time: two writes within a clock tick would have the same."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text, "utf-8")
    utime(path, ns=(before + 10**9, before + 10**9))


def get(console: Console, name: str) -> tuple[int, str]:
    """Return the status and the text of a response of the ASGI app alone."""

    async def run() -> tuple[int, str]:
        transport = httpx.ASGITransport(Starlette(routes=[Mount("/console", console)]))
        async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
            response = await client.get(f"/console/{name}")
            return response.status_code, response.text

    return asyncio.run(run())

"""Browser pages of other origins: only the allowed ones, and only data endpoints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.fakes.gateway_app import ADMIN, SYSTEM, run_gateway
from tests.fakes.provider import FakeProvider
from vaultcore.cli.listener import with_local_defaults
from vaultcore.errors import ConfigError
from vaultcore.settings import Settings

ORIGIN = "https://app.example.com"
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-api-key",
}
DATA = ["/v1/models", "/v1/chat/completions", "/v1/messages", "/v1/responses", "/embeddings"]
OWN = ["/admin/keys", "/console/", "/admin/docs"]
ALLOWED: dict[str, tuple[tuple[str, ...], str]] = {
    "the origin": ((ORIGIN,), ORIGIN),
    "one of two": (("http://localhost:3000", ORIGIN), ORIGIN),
    "any": (("*",), "null"),
}
REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "switched off": ((), ORIGIN),
    "another scheme": ((ORIGIN,), "http://app.example.com"),
    "another port": ((ORIGIN,), f"{ORIGIN}:8443"),
    "a longer name": ((ORIGIN,), f"{ORIGIN}.evil.test"),
}
VALUES: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "unset": ("", None),
    "off": ("off", ()),
    "any": ("*", ("*",)),
    "origins": (f"{ORIGIN}/, http://LOCALHOST:3000", (ORIGIN, "http://localhost:3000")),
    "an app": ("vscode-webview://0abc", ("vscode-webview://0abc",)),
}


def request(
    tmp_path: Path, origins: tuple[str, ...], method: str, path: str, headers: dict[str, str]
) -> httpx.Response:
    with FakeProvider() as provider:
        return run_gateway(
            tmp_path,
            provider,
            lambda client: client.request(method, path, headers=headers),
            cors_origins=origins,
        )


@pytest.mark.parametrize("name", ALLOWED)
@pytest.mark.parametrize("path", DATA)
def test_a_preflight_is_answered(path: str, name: str, tmp_path: Path) -> None:
    """An allowed origin may send the method and headers that it requests; it needs no key to ask."""
    origins, origin = ALLOWED[name]
    response = request(tmp_path, origins, "OPTIONS", path, {"origin": origin, **PREFLIGHT})
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["access-control-allow-origin"] == origin
    assert response.headers["access-control-allow-headers"] == PREFLIGHT["access-control-request-headers"]
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in response.headers


@pytest.mark.parametrize("name", REFUSED)
def test_other_origins_are_refused(name: str, tmp_path: Path) -> None:
    """Any other origin gets no header that lets a browser go on, neither before nor after a request."""
    origins, origin = REFUSED[name]
    preflight = request(tmp_path, origins, "OPTIONS", "/v1/models", {"origin": origin, **PREFLIGHT})
    answer = request(tmp_path, origins, "GET", "/v1/models", {"origin": origin})
    assert preflight.status_code == 405
    assert not [name for each in (preflight, answer) for name in each.headers if "access-control" in name]


@pytest.mark.parametrize("key", ["right", "wrong"])
def test_a_page_can_read_responses(key: str, tmp_path: Path) -> None:
    """Responses and errors are readable, with all their headers."""
    headers = {"origin": ORIGIN, "authorization": f"Bearer {SYSTEM if key == 'right' else 'wrong'}"}
    response = request(tmp_path, (ORIGIN,), "GET", "/v1/models", headers)
    assert response.status_code == (200 if key == "right" else 401)
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-expose-headers"] == "*"


@pytest.mark.parametrize("path", OWN)
def test_administration_is_for_its_own_origin(path: str, tmp_path: Path) -> None:
    """No other origin may call the admin API or read the console, even if any origin is allowed."""
    headers = {"origin": ORIGIN, "authorization": f"Bearer {ADMIN}"}
    for method in ("OPTIONS", "GET"):
        response = request(tmp_path, ("*",), method, path, {**headers, **PREFLIGHT})
        assert not [name for name in response.headers if "access-control" in name]


@pytest.mark.parametrize("name", VALUES)
def test_the_setting(name: str) -> None:
    """Origins are listed, or `off`; unset leaves the choice to the server."""
    text, origins = VALUES[name]
    assert Settings.from_env({"VAULTEDGE_CORS_ORIGINS": text}).cors_origins == origins


@pytest.mark.parametrize("text", ["app.example.com", "https://app.example.com/path", "https://"])
def test_an_invalid_origin_is_named(text: str) -> None:
    """Text that is no origin would never match: it stops the start."""
    with pytest.raises(ConfigError, match="VAULTEDGE_CORS_ORIGINS"):
        Settings.from_env({"VAULTEDGE_CORS_ORIGINS": text})


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "0.0.0.0", "192.168.1.7"])
def test_the_default_of_a_local_gateway(host: str) -> None:
    """A gateway that only this machine can reach allows any origin by default; others none."""
    is_local = host in {"127.0.0.1", "::1", "localhost"}
    settings = replace(Settings(), host=host)
    assert with_local_defaults(settings).cors_origins == (("*",) if is_local else None)
    assert with_local_defaults(replace(settings, cors_origins=())).cors_origins == ()

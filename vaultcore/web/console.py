"""Serves the console: page, script, style sheet and docs, under a strict content security policy."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Mapping
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vaultcore.console_bundle.site import PAGE, VAULT_PAGE, Asset, build_assets, file_state, vault_page_asset
from vaultcore.web.reply import SAFE_HEADERS

FILES = Path(__file__).parent.parent / "console"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types dompurify"
)
HEADERS = {
    **SAFE_HEADERS,
    "cache-control": "no-cache",
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}
IMMUTABLE = "public, max-age=31536000, immutable"
VERSION = re.compile(r"(?<=^console)\.[0-9a-f]{16}(?=\.(?:js|css)$)")
ZERO_QUALITY = re.compile(r"q=0(\.0*)?")


class Console:
    """Serves a folder's assets. Builds them on the first request, and again after a file has changed."""

    def __init__(self, files: Path = FILES) -> None:
        self._files = files
        self._state: object = None
        self._assets: Mapping[str, Asset] = {}
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        name = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/") or PAGE
        if name == PAGE or not self._assets:
            await asyncio.to_thread(self._build)  # takes 0.5 s the first time
        # While two versions are deployed, a page may request the script of the other one; it gets ours.
        asset = self._assets.get(name) or self._assets.get(VERSION.sub("", name))
        if asset is None and self._assets and name == VAULT_PAGE:
            asset = await asyncio.to_thread(vault_page_asset)
        if asset is None:
            raise HTTPException(404)
        await _respond(Request(scope), asset)(scope, receive, send)

    def _build(self) -> None:
        with self._lock:
            now = file_state(self._files)
            if now != self._state:
                self._assets, self._state = build_assets(self._files), now


def _respond(request: Request, asset: Asset) -> Response:
    headers = {
        **HEADERS,
        **({"cache-control": IMMUTABLE} if asset.immutable else {}),
        "vary": "accept-encoding",
        "etag": f'W/"{asset.digest}"',  # weak: the same for plain and gzip
    }
    if asset.policy:
        headers["content-security-policy"] = asset.policy
    if asset.digest in re.findall(r'"([^"]*)"', request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    body = asset.content
    if _accepts_gzip(request.headers.get("accept-encoding", "")):
        body, headers["content-encoding"] = asset.gzipped, "gzip"
    headers["content-length"] = str(len(body))
    return Response(b"" if request.method == "HEAD" else body, headers=headers, media_type=asset.kind)


def _accepts_gzip(accept_encoding: str) -> bool:
    """Return True if Accept-Encoding names gzip (RFC 9110, section 12.5.3); no header means False."""
    codings = [each.replace(" ", "").lower().split(";") for each in accept_encoding.split(",")]
    return any(
        name == "gzip" and not any(map(ZERO_QUALITY.fullmatch, parameters)) for name, *parameters in codings
    )

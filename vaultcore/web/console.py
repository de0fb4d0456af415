"""The console: a page, a script, a sheet and the docs, under a policy that lets nothing else run."""

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

from vaultcore.console_bundle.site import PAGE, VAULT_PAGE, Held, site, state, vault_page
from vaultcore.web.reply import SAFE

FILES = Path(__file__).parent.parent / "console"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types dompurify"
)
HEADERS = {
    **SAFE,
    "cache-control": "no-cache",
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}
FOR_EVER = "public, max-age=31536000, immutable"
VERSION = re.compile(r"(?<=^console)\.[0-9a-f]{16}(?=\.(?:js|css)$)")
NONE = re.compile(r"q=0(\.0*)?")


class Console:
    """Serves what is made of a folder when it is first asked for, and again once a file of it has changed."""

    def __init__(self, files: Path = FILES) -> None:
        self._files = files
        self._state: object = None
        self._held: Mapping[str, Held] = {}
        self._making = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        name = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/") or PAGE
        if name == PAGE or not self._held:
            await asyncio.to_thread(self._make)  # takes half a second, the first time
        # While two versions are deployed, a page may ask for the script of the other one: it gets ours.
        held = self._held.get(name) or self._held.get(VERSION.sub("", name))
        if held is None and self._held and name == VAULT_PAGE:
            held = await asyncio.to_thread(vault_page)
        if held is None:
            raise HTTPException(404)
        await _answer(Request(scope), held)(scope, receive, send)

    def _make(self) -> None:
        with self._making:
            now = state(self._files)
            if now != self._state:
                self._held, self._state = site(self._files), now


def _answer(request: Request, held: Held) -> Response:
    headers = {
        **HEADERS,
        **({"cache-control": FOR_EVER} if held.lasting else {}),
        "vary": "accept-encoding",
        "etag": f'W/"{held.digest}"',  # weak: it is one for both forms
    }
    if held.policy:
        headers["content-security-policy"] = held.policy
    if held.digest in re.findall(r'"([^"]*)"', request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    body = held.content
    if _takes_gzip(request.headers.get("accept-encoding", "")):
        body, headers["content-encoding"] = held.gzipped, "gzip"
    headers["content-length"] = str(len(body))
    return Response(b"" if request.method == "HEAD" else body, headers=headers, media_type=held.kind)


def _takes_gzip(accepted: str) -> bool:
    """RFC 9110, section 12.5.3, where what is not said may not be sent."""
    asked = [each.replace(" ", "").lower().split(";") for each in accepted.split(",")]
    return any(name == "gzip" and not any(map(NONE.fullmatch, more)) for name, *more in asked)

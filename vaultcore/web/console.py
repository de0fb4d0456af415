"""The console: static files of the package, under a policy that lets nothing else run."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

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
KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".md": "text/markdown",  # of the repository's docs/, for the console's page of that name
}


class Console:
    """Serves the files that were there at the start, by their exact names below the folder."""

    def __init__(self) -> None:
        found = (path for path in FILES.rglob("*") if path.suffix in KINDS)
        self._names = {path.relative_to(FILES).as_posix(): path for path in found}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        name = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/") or "index.html"
        path = self._names.get(name)
        if path is None:
            raise HTTPException(404)
        response = Response(path.read_bytes(), headers=HEADERS, media_type=KINDS[path.suffix])
        await response(scope, receive, send)

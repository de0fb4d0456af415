"""Signs requests to AWS with Signature Version 4: botocore's signer, over the very bytes and URL that go out.

Who signs is the vault's key, `ID:SECRET` or `ID:SECRET:TOKEN`, or where there is none this process itself, as
botocore finds its credentials: a bearer token for the service, else the environment, a profile, or the role
of the function or machine.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import httpx

from vaultcore.catalog.schema import Auth

if TYPE_CHECKING:
    from botocore.session import Session

PAIR = re.compile(r"(?P<id>[A-Za-z0-9]{4,128}):(?P<secret>[^:\s]{4,})(?::(?P<token>[^:\s]+))?")
SIGNED = ("content-type",)  # of our own headers; the signer adds the host and the time


def is_pair(key: str) -> bool:
    """Whether a key is one that signs; any other is an API key, which travels."""
    return PAIR.fullmatch(key) is not None


class Unsigned(Exception):
    """There is nothing to sign with. The message shows no secret."""


class Signer:
    """Signs in a thread: botocore is imported when first needed, and finding credentials may block."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._lock = threading.Lock()

    async def signed(self, request: httpx.Request, auth: Auth, key: str) -> httpx.Request:
        """The request with the proof of who asks in its headers. Raises Unsigned."""
        request.headers.update(await asyncio.to_thread(self._proof, request, auth, key))
        return request

    def _proof(self, request: httpx.Request, auth: Auth, key: str) -> Mapping[str, str]:
        from botocore.exceptions import BotoCoreError

        try:
            if not key:
                return self._own_proof(request, auth)
            return _signature(request, auth, _of(key))
        except BotoCoreError as error:
            reason = f"this process has no AWS credentials ({type(error).__name__})"
        raise Unsigned(reason)

    def _own_proof(self, request: httpx.Request, auth: Auth) -> Mapping[str, str]:
        from botocore.tokens import ScopedEnvTokenProvider

        with self._lock:
            session = self._botocore()
            token: Any = ScopedEnvTokenProvider(session).load_token(signing_name=auth.service)
            held: Any = None if token is not None else session.get_credentials()
        if token is not None:
            return {auth.header: f"{auth.prefix}{token.token}"}
        if held is None:
            raise Unsigned("this process has no AWS credentials")
        return _signature(request, auth, held.get_frozen_credentials())

    def _botocore(self) -> Session:
        if self._session is None:
            from botocore.session import get_session

            self._session = get_session()
        return self._session


def _of(key: str) -> Any:
    from botocore.credentials import Credentials

    match = PAIR.fullmatch(key)
    if match is None:
        raise Unsigned("the key is not of the form ID:SECRET")
    return Credentials(match["id"], match["secret"], match["token"])


def _signature(request: httpx.Request, auth: Auth, credentials: Any) -> Mapping[str, str]:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    logging.getLogger("botocore").setLevel(logging.WARNING)  # at DEBUG it prints what it signs
    url, own = request.url, {name: request.headers[name] for name in SIGNED if name in request.headers}
    exact = f"{url.scheme}://{url.netloc.decode('ascii')}{url.raw_path.decode('ascii')}"
    signed = AWSRequest(method=request.method, url=exact, data=request.content, headers=own)
    SigV4Auth(credentials, auth.service, auth.region).add_auth(signed)
    return {name: value for name, value in signed.headers.items() if name.lower() not in SIGNED}

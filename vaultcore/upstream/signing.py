"""Signs requests to AWS with Signature Version 4, by botocore's signer, over the exact bytes and URL sent.

The credentials are the vault's key, `ID:SECRET` or `ID:SECRET:TOKEN`. Without a key they are those of this
process, as botocore finds them: a bearer token for the service, the environment, a profile, or the role of
the function or machine.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vaultcore.catalog.schema import Auth
from vaultcore.upstream.transport import TransportRequest

if TYPE_CHECKING:
    from botocore.session import Session

PAIR = re.compile(r"(?P<id>[A-Za-z0-9]{4,128}):(?P<secret>[^:\s]{4,})(?::(?P<token>[^:\s]+))?")
SIGNED_HEADERS = ("content-type",)  # the signer adds host and time


def is_pair(key: str) -> bool:
    """Return True if a key signs requests; any other key is an API key and is sent."""
    return PAIR.fullmatch(key) is not None


class NoCredentials(Exception):
    """There are no credentials to sign with. The message shows no secret."""


class RequestSigner:
    """Signs in a thread: botocore is imported at first use, and finding credentials may block."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._lock = threading.Lock()

    async def sign(self, request: TransportRequest, auth: Auth, key: str) -> TransportRequest:
        """Return the request with authentication headers. Raises NoCredentials."""
        return await asyncio.to_thread(self._sign, request, auth, key)

    def _sign(self, request: TransportRequest, auth: Auth, key: str) -> TransportRequest:
        headers = self._auth_headers(request, auth, key)
        lines = "".join([f"{name.lower()}: {value}\r\n" for name, value in headers.items()])
        return replace(
            request,
            head=request.head.removesuffix(b"\r\n") + f"{lines}\r\n".encode("ascii"),
            is_unsigned=False,
        )

    def _auth_headers(self, request: TransportRequest, auth: Auth, key: str) -> Mapping[str, str]:
        from botocore.exceptions import BotoCoreError

        try:
            if not key:
                return self._own_auth_headers(request, auth)
            return _signature(request, auth, _parse_pair(key))
        except BotoCoreError as error:
            reason = f"this process has no AWS credentials ({type(error).__name__})"
        raise NoCredentials(reason)

    def _own_auth_headers(self, request: TransportRequest, auth: Auth) -> Mapping[str, str]:
        from botocore.tokens import ScopedEnvTokenProvider

        with self._lock:
            session = self._botocore()
            token: Any = ScopedEnvTokenProvider(session).load_token(signing_name=auth.service)
            credentials: Any = None if token is not None else session.get_credentials()
        if token is not None:
            return {auth.header: f"{auth.prefix}{token.token}"}
        if credentials is None:
            raise NoCredentials("this process has no AWS credentials")
        return _signature(request, auth, credentials.get_frozen_credentials())

    def _botocore(self) -> Session:
        if self._session is None:
            from botocore.session import get_session

            self._session = get_session()
        return self._session


def _parse_pair(key: str) -> Any:
    from botocore.credentials import Credentials

    match = PAIR.fullmatch(key)
    if match is None:
        raise NoCredentials("the key is not of the form ID:SECRET")
    return Credentials(match["id"], match["secret"], match["token"])


def _signature(request: TransportRequest, auth: Auth, credentials: Any) -> Mapping[str, str]:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    logging.getLogger("botocore").setLevel(logging.WARNING)  # at DEBUG it logs what it signs
    names = {name: value for name, value in request.header_fields() if name in SIGNED_HEADERS}
    aws_request = AWSRequest(method=request.method, url=str(request.url), data=request.content, headers=names)
    SigV4Auth(credentials, auth.service, auth.region).add_auth(aws_request)
    return {name: value for name, value in aws_request.headers.items() if name.lower() not in SIGNED_HEADERS}

"""Signs POST requests to AWS with Signature Version 4: a few hashes, and no botocore.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import field
from urllib.parse import quote

from vaultcore.lazy_dataclass import dataclass

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class AwsCredentials:
    """An access key. `token` belongs to temporary credentials."""

    id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def is_header_safe(self) -> bool:
        """Return True if no part could start another header."""
        text = f"{self.id}{self.secret}{self.token or ''}"
        return text.isascii() and text.isprintable()


class SignatureV4:
    """Signs requests to one service in one region. Derives the day's key once."""

    def __init__(self, region: str, service: str) -> None:
        self._region, self._service = region, service
        self._path = ("/", "/")  # the last one, plain and escaped
        self._key: tuple[str, str, bytes] = ("", "", b"")  # day, secret and derived key

    def sign(
        self, path: str, headers: Mapping[str, str], body: bytes, credentials: AwsCredentials, at: float
    ) -> dict[str, str]:
        """Return `headers` with those of a signature for a POST at `at`, seconds since the epoch.

        All headers are signed. Their names are in lower case, and `host` is one of them.
        """
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
        signed = {**headers, "x-amz-date": stamp}
        if credentials.token is not None:
            signed["x-amz-security-token"] = credentials.token
        names = sorted(signed)
        listed = ";".join(names)
        lines = "".join([f"{name}:{' '.join(signed[name].split())}\n" for name in names])
        if self._path[0] != path:
            self._path = (path, quote(path, safe="/~"))
        canonical = f"POST\n{self._path[1]}\n\n{lines}\n{listed}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{self._region}/{self._service}/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        signature = _hmac(
            self._day_key(stamp[:8], credentials.secret), f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}"
        )
        signed["authorization"] = (
            f"{ALGORITHM} Credential={credentials.id}/{scope}, SignedHeaders={listed}, "
            f"Signature={signature.hex()}"
        )
        return signed

    def _day_key(self, day: str, secret: str) -> bytes:
        if self._key[:2] != (day, secret):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = _hmac(key, part)
            self._key = (day, secret, key)
        return self._key[2]


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")

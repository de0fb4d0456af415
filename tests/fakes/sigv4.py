"""Verifies Signature Version 4, as AWS does.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote

PROOF = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>\w+)/(?P<scope>\d{8}/[\w-]+/[\w-]+/aws4_request), "
    r"SignedHeaders=(?P<names>[\w;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)


def scope(headers: Mapping[str, str]) -> str:
    """Return access key id, day, region and service of a signature."""
    match = PROOF.fullmatch(headers["authorization"])
    assert match is not None
    return f"{match['id']}/{match['scope']}"


def is_signed_by(method: str, raw_path: str, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Return True if the request, as received, is signed with the secret."""
    match = PROOF.fullmatch(headers.get("authorization", ""))
    if match is None:
        return False
    names = match["names"].split(";")
    assert "host" in names
    canonical = "\n".join(
        [
            method,
            quote(raw_path, safe="/-_.~"),  # escaped twice, as for every service except S3
            "",
            *(f"{name}:{' '.join(headers[name].split())}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(body).hexdigest(),
        ]
    )
    to_sign = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            headers["x-amz-date"],
            match["scope"],
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{secret}".encode()
    for part in match["scope"].split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(hmac.digest(key, to_sign.encode(), "sha256").hex(), match["signature"])

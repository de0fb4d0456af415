"""The root certificates that providers' certificates are verified with, read once.

Without a setting they are Mozilla's, of the package certifi. `SSL_CERT_FILE` and `SSL_CERT_DIR` replace them,
as with OpenSSL, curl and httpx; `VAULTEDGE_CA_BUNDLE` adds to them.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from pathlib import Path

from vaultcore.errors import ConfigError

FILE, DIRECTORY, ADDITION = "SSL_CERT_FILE", "SSL_CERT_DIR", "VAULTEDGE_CA_BUNDLE"


def default_trust() -> ssl.SSLContext:
    """Return a context with certifi's roots, for HTTP/1.1."""
    from certifi import where

    return _for_http1(ssl.create_default_context(cafile=where()))


def trust_from_env(environ: Mapping[str, str]) -> Callable[[], ssl.SSLContext]:
    """Return a function that reads the roots of the environment's settings: it takes 20 ms.

    Raises ConfigError at once for a file that holds no certificate, so that a process does not start with it.
    """
    file, directory, addition = (environ.get(name, "").strip() for name in (FILE, DIRECTORY, ADDITION))
    if directory and not Path(directory).is_dir():
        raise ConfigError("is not a directory", key=DIRECTORY)
    for name, path in ((FILE, file), (ADDITION, addition)):
        if path:
            _load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), path, name)
    if not (file or directory or addition):
        return default_trust

    def read() -> ssl.SSLContext:
        if file or directory:
            context = _for_http1(ssl.create_default_context(cafile=file or None, capath=directory or None))
        else:
            context = default_trust()
        if addition:
            _load(context, addition, ADDITION)
        return context

    return read


def _load(context: ssl.SSLContext, path: str, name: str) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError):
        raise ConfigError("is not a readable file of PEM certificates", key=name) from None


def _for_http1(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_alpn_protocols(["http/1.1"])
    return context

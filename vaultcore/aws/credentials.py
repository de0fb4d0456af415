"""AWS credentials that are loaded when the first call is signed, not when a client is created.

A client may therefore be part of a SnapStart snapshot without the credentials of the process that made it.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from botocore.session import Session

COMPONENT = "credential_provider"  # botocore's name


class CredentialResolver(Protocol):
    """The part of botocore's resolver that is used."""

    def load_credentials(self) -> Any: ...


def defer_credentials(session: Session) -> Session:
    """Make a session load its credentials with the first call. Return the session."""
    session.register_component(COMPONENT, DeferredResolver(session.get_component(COMPONENT)))
    return session


class DeferredResolver:
    """Replaces botocore's resolver."""

    def __init__(self, resolver: CredentialResolver) -> None:
        self._credentials = DeferredCredentials(resolver)

    def load_credentials(self) -> DeferredCredentials:
        return self._credentials


class DeferredCredentials:
    """Replaces botocore's credentials and passes everything on to the real ones, loaded at first use."""

    method = "late"

    def __init__(self, resolver: CredentialResolver) -> None:
        self._resolver = resolver
        self._lock = Lock()
        self._credentials: Any = None

    def get_frozen_credentials(self) -> Any:
        """Raise NoCredentialsError if there are none."""
        return self._load().get_frozen_credentials()

    def get_deferred_property(self, name: str) -> Callable[[], Any]:
        def load_property() -> Any:
            return self._load().get_deferred_property(name)()

        return load_property

    def __getattr__(self, name: str) -> Any:
        return getattr(self._load(), name)

    def _load(self) -> Any:
        with self._lock:
            if self._credentials is None:
                self._credentials = self._resolver.load_credentials()
            if self._credentials is None:
                from botocore.exceptions import NoCredentialsError

                raise NoCredentialsError
            return self._credentials

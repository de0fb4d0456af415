"""AWS credentials that are looked for when the first call is signed, not when a client is made.

So a client may be in a SnapStart snapshot, and the credentials of whoever made that snapshot are not.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from botocore.session import Session

COMPONENT = "credential_provider"


class Resolver(Protocol):
    """What botocore asks for credentials."""

    def load_credentials(self) -> Any: ...


def defer(session: Session) -> Session:
    """Have a session find its credentials late."""
    session.register_component(COMPONENT, LateResolver(session.get_component(COMPONENT)))
    return session


class LateResolver:
    def __init__(self, resolver: Resolver) -> None:
        self._found = LateCredentials(resolver)

    def load_credentials(self) -> LateCredentials:
        return self._found


class LateCredentials:
    """Stands where botocore wants credentials, and becomes them."""

    method = "late"

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._lock = Lock()
        self._real: Any = None

    def get_frozen_credentials(self) -> Any:
        """Raises NoCredentialsError."""
        return self._found().get_frozen_credentials()

    def get_deferred_property(self, name: str) -> Callable[[], Any]:
        def late() -> Any:
            return self._found().get_deferred_property(name)()

        return late

    def __getattr__(self, name: str) -> Any:
        return getattr(self._found(), name)

    def _found(self) -> Any:
        with self._lock:
            if self._real is None:
                self._real = self._resolver.load_credentials()
            if self._real is None:
                from botocore.exceptions import NoCredentialsError

                raise NoCredentialsError
            return self._real

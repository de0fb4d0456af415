"""AWS clients, created once and when first used, with timeouts that fit inside a request.

botocore finds the region, the credentials and AWS_ENDPOINT_URL. Its clients are the same as boto3's, without
the time that boto3 takes to import its resources.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from vaultcore.casts import cast
from vaultcore.wire import Json

if TYPE_CHECKING:
    from botocore.session import Session

LOGGERS = ("boto3", "botocore", "urllib3")  # at DEBUG they print bodies, which contain secrets


class AwsError(Exception):
    """AWS rejected a call or could not be reached. `code` is AWS's error code or botocore's class name.

    If `is_ambiguous`, an attempt of this call may have been applied.
    """

    is_ambiguous = False

    def __init__(self, operation: str, code: str) -> None:
        super().__init__(f"{operation}: {code}")
        self.code = code


class SecretsManager(Protocol):
    """The part of Secrets Manager that is used."""

    def warm(self) -> None:
        """Do the work that takes time and needs neither credentials nor the network."""
        ...

    def get_secret_values(self, ids: Sequence[str]) -> Json:
        """Return the response of BatchGetSecretValue. Raise AwsError. Blocks: call it in a thread."""
        ...


class AwsClients:
    """A botocore session and a Secrets Manager client. The client finds its credentials with its first call.

    `warm` may therefore run before a SnapStart snapshot. Several clients should share one session: creating
    a session reads 1.5 MB of JSON.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._session: Session | None = None
        self._secrets_manager: _SecretsManagerClient | None = None

    def warm(self) -> None:
        """Import botocore and create the client: most of the time of a first call."""
        self._client()

    def get_secret_values(self, ids: Sequence[str]) -> Json:
        """Return the response of BatchGetSecretValue. Raise AwsError. Blocks."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return dict(self._client().batch_get_secret_value(SecretIdList=list(ids)))
        except ClientError as error:
            raise AwsError("BatchGetSecretValue", str(error.response["Error"].get("Code"))) from None
        except BotoCoreError as error:
            raise AwsError("BatchGetSecretValue", type(error).__name__) from None

    def session(self) -> Session:
        """Return the session that creates clients. Any thread may call it."""
        with self._lock:
            if self._session is None:
                self._session = _create_session()
            return self._session

    def _client(self) -> _SecretsManagerClient:
        if self._secrets_manager is None:
            from botocore.config import Config

            config = Config(
                connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}
            )
            self._secrets_manager = cast(
                _SecretsManagerClient, self.session().create_client("secretsmanager", config=config)
            )
        return self._secrets_manager


def _create_session() -> Session:
    from botocore.session import Session

    from vaultcore.aws.credentials import defer_credentials

    class LockedSession(Session):
        """Creates one client at a time: botocore's sessions are not thread-safe."""

        lock = Lock()

        def create_client(self, *args: Any, **kwargs: Any) -> Any:
            with self.lock:
                return super().create_client(*args, **kwargs)

    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    return defer_credentials(LockedSession())


class _SecretsManagerClient(Protocol):
    def batch_get_secret_value(self, *, SecretIdList: list[str]) -> Json: ...  # noqa: N803 - AWS's spelling

"""AWS clients, made once and when first needed, with timeouts that fit inside a request.

Region, credentials and AWS_ENDPOINT_URL are found by botocore. Its clients are boto3's, without the time that
boto3 spends on importing S3's.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, cast

from vaultcore.wire import Json

if TYPE_CHECKING:
    from botocore.session import Session

LOGGERS = ("boto3", "botocore", "urllib3")  # at DEBUG they print bodies: secrets, signatures


class AwsError(Exception):
    """AWS refused a call or could not be reached. `code` is AWS's own word for it, or botocore's."""

    def __init__(self, operation: str, code: str) -> None:
        super().__init__(f"{operation}: {code}")
        self.code = code


class SecretsManager(Protocol):
    """The one call that is made of Secrets Manager."""

    def warm(self) -> None:
        """Do what takes time and needs neither credentials nor the network."""
        ...

    def batch(self, ids: Sequence[str]) -> Json:
        """The answer of BatchGetSecretValue. Raises AwsError. Blocks: call it in a thread."""
        ...


class Aws:
    """A session of botocore's, and a client that finds its credentials when it is first used.

    So `warm` may run before a snapshot is taken. A session reads 1.5 MB of JSON: whoever has several clients
    makes them from one.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._session: Session | None = None
        self._secrets_manager: _Client | None = None

    def warm(self) -> None:
        """Import botocore and make the client: most of what a first call costs."""
        self._client()

    def batch(self, ids: Sequence[str]) -> Json:
        """See `SecretsManager`."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return dict(self._client().batch_get_secret_value(SecretIdList=list(ids)))
        except ClientError as error:
            raise AwsError("BatchGetSecretValue", str(error.response["Error"].get("Code"))) from None
        except BotoCoreError as error:
            raise AwsError("BatchGetSecretValue", type(error).__name__) from None

    def session(self) -> Session:
        """The session that clients are made of, in any thread."""
        with self._lock:
            if self._session is None:
                self._session = _session()
            return self._session

    def _client(self) -> _Client:
        if self._secrets_manager is None:
            from botocore.config import Config

            config = Config(
                connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}
            )
            self._secrets_manager = cast(
                _Client, self.session().create_client("secretsmanager", config=config)
            )
        return self._secrets_manager


def _session() -> Session:
    from botocore.session import Session

    from vaultcore.aws.credentials import defer

    class Locked(Session):
        """A session makes one client at a time: botocore leaves that to its caller."""

        lock = Lock()

        def create_client(self, *args: Any, **kwargs: Any) -> Any:
            with self.lock:
                return super().create_client(*args, **kwargs)

    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    return defer(Locked())


class _Client(Protocol):
    def batch_get_secret_value(self, *, SecretIdList: list[str]) -> Json: ...  # noqa: N803 - AWS's spelling

"""A deployed stack, for its operator: its outputs, the values of its secrets, the state of its table.

Functions do not use this. Their calls of AWS are in `clients`, `dynamodb` and `sns`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from vaultcore.aws.batch import field_of
from vaultcore.aws.clients import AwsClients, AwsError
from vaultcore.aws.secret_values import PLACEHOLDER
from vaultcore.lazy_dataclass import dataclass
from vaultcore.vault.secret_text import SecretText
from vaultcore.wire import Json

if TYPE_CHECKING:
    from botocore.session import Session

MAX_SECRET_BYTES = 65_536  # of a secret's value: Secrets Manager's quota
ACTIONS = {  # the IAM action of each botocore method
    "describe_continuous_backups": "DescribeContinuousBackups",
    "describe_stacks": "DescribeStacks",
    "describe_table": "DescribeTable",
    "describe_time_to_live": "DescribeTimeToLive",
    "get_secret_value": "GetSecretValue",
    "put_secret_value": "PutSecretValue",
}


class ActionFailed(AwsError):
    """AWS rejected a call. `action` is the IAM action it needs: `dynamodb:DescribeTable`."""

    def __init__(self, action: str, code: str, region: str | None) -> None:
        super().__init__(action, code)
        self.action, self.region = action, region


@dataclass(frozen=True, slots=True)
class StackState:
    """A stack's status and outputs. No output of our template is a secret."""

    name: str
    region: str
    status: str
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VaultSecrets:
    """A stack's vault and password. None: the operator has not filled that secret."""

    vault: str | None = field(repr=False)
    password: SecretText | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class TableState:
    """A table's status, key attributes, TTL attribute, and whether point-in-time recovery is enabled."""

    status: str
    keys: tuple[str, ...]
    ttl_attribute: str | None  # None: TTL is disabled
    has_recovery: bool


class Stack:
    """One stack. Every method raises ActionFailed, and blocks."""

    def __init__(
        self, name: str, region: str | None = None, session: Callable[[], Session] | None = None
    ) -> None:
        self.name, self.region = name, region
        self._session = session or AwsClients().session
        self._clients: dict[str, Any] = {}

    def describe(self) -> StackState:
        """Return the stack's status and outputs."""
        stack = self._call("cloudformation", "describe_stacks", StackName=self.name)["Stacks"][0]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs") or ()}
        return StackState(self.name, self.region or "", stack["StackStatus"], outputs)

    def secret(self, id: str, name: str) -> SecretText | None:
        """Return a secret's value, see `field_of`; None if it is binary, or JSON of another kind."""
        text = self._call("secretsmanager", "get_secret_value", SecretId=id).get("SecretString")
        return field_of(text, name) if isinstance(text, str) else None

    def put(self, id: str, text: str) -> None:
        """Set a secret's current value. Secrets Manager keeps the previous one as AWSPREVIOUS."""
        self._call("secretsmanager", "put_secret_value", SecretId=id, SecretString=text)

    def vault_secrets(self, vault: str, password: str) -> VaultSecrets:
        """Return the values of the two secrets with these IDs, which the operator fills."""
        return VaultSecrets(
            _unless_placeholder(self.secret(vault, "vault")),
            _unless_placeholder(self.secret(password, "password")),
        )

    def table(self, name: str) -> TableState:
        """Return the state of a table."""
        table = self._call("dynamodb", "describe_table", TableName=name)["Table"]
        expiry = self._call("dynamodb", "describe_time_to_live", TableName=name)["TimeToLiveDescription"]
        backups = self._call("dynamodb", "describe_continuous_backups", TableName=name)
        recovery = backups["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription") or {}
        return TableState(
            table["TableStatus"],
            tuple(each["AttributeName"] for each in table["KeySchema"]),
            expiry.get("AttributeName") if expiry.get("TimeToLiveStatus") == "ENABLED" else None,
            recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
        )

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def _call(self, service: str, operation: str, **fields: str) -> Json:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            response: Json = getattr(self._client(service), operation)(**fields)
        except ClientError as error:
            code = str(error.response["Error"].get("Code"))
        except BotoCoreError as error:
            code = type(error).__name__
        else:
            return response
        # Raised outside the `except`, in a function without the request: both may contain a secret.
        raise _action_failed(service, operation, code, self.region)

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            from botocore.config import Config

            config = Config(
                connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}
            )
            client = self._session().create_client(service, region_name=self.region, config=config)
            self.region = client.meta.region_name
            self._clients[service] = client
        return self._clients[service]


def _action_failed(service: str, operation: str, code: str, region: str | None) -> ActionFailed:
    return ActionFailed(f"{service}:{ACTIONS[operation]}", code, region)


def _unless_placeholder(text: SecretText | None) -> SecretText | None:
    return None if text == PLACEHOLDER else text

"""A deployed stack as whoever operates it sees it: its outputs, the values of its secrets, its table.

Not for functions: what they ask of AWS is in `clients` and `dynamo`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vaultcore.aws.batch import field_of
from vaultcore.aws.clients import Aws, AwsError
from vaultcore.aws.reading import PLACEHOLDER
from vaultcore.vault.hidden import Hidden
from vaultcore.wire import Json

if TYPE_CHECKING:
    from botocore.session import Session

LARGEST = 65_536  # bytes of a secret's value: Secrets Manager's quota
NAMES = {  # services as permissions name them, where botocore says it otherwise
    "describe_continuous_backups": "DescribeContinuousBackups",
    "describe_stacks": "DescribeStacks",
    "describe_table": "DescribeTable",
    "describe_time_to_live": "DescribeTimeToLive",
    "get_secret_value": "GetSecretValue",
    "put_secret_value": "PutSecretValue",
}


class ActionFailed(AwsError):
    """AWS did not do what was asked. `action` is the permission it takes, `region` where it was asked."""

    def __init__(self, action: str, code: str, region: str | None) -> None:
        super().__init__(action, code)
        self.action, self.region = action, region


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stack's state and what it says of itself. No output of ours is a secret."""

    name: str
    region: str
    status: str
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Filled:
    """The vault and the password that a stack has; None where the operator has not filled them."""

    vault: str | None = field(repr=False)
    password: Hidden | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class TableState:
    """What of a table matters: whether it is there, what it forgets, and whether it can be restored."""

    status: str
    keys: tuple[str, ...]
    expires_by: str | None  # the attribute; None where nothing expires
    restorable: bool


class Stack:
    """One stack. Every method raises ActionFailed, and blocks."""

    def __init__(
        self, name: str, region: str | None = None, session: Callable[[], Session] | None = None
    ) -> None:
        self.name, self.region = name, region
        self._session = session or Aws().session
        self._clients: dict[str, Any] = {}

    def describe(self) -> Deployed:
        found = self._ask("cloudformation", "describe_stacks", StackName=self.name)["Stacks"][0]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs") or ()}
        return Deployed(self.name, self.region or "", found["StackStatus"], outputs)

    def secret(self, id: str, name: str) -> Hidden | None:
        """What a secret is about, see `field_of`; None where it is binary, or JSON of another kind."""
        text = self._ask("secretsmanager", "get_secret_value", SecretId=id).get("SecretString")
        return field_of(text, name) if isinstance(text, str) else None

    def put(self, id: str, text: str) -> None:
        """Make a text a secret's current value. The one before stays, as AWSPREVIOUS."""
        self._ask("secretsmanager", "put_secret_value", SecretId=id, SecretString=text)

    def filled(self, vault: str, password: str) -> Filled:
        """The values of the two secrets that the operator fills, given by their ids."""
        return Filled(_own(self.secret(vault, "vault")), _own(self.secret(password, "password")))

    def table(self, name: str) -> TableState:
        table = self._ask("dynamodb", "describe_table", TableName=name)["Table"]
        expiry = self._ask("dynamodb", "describe_time_to_live", TableName=name)["TimeToLiveDescription"]
        backups = self._ask("dynamodb", "describe_continuous_backups", TableName=name)
        recovery = backups["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription") or {}
        return TableState(
            table["TableStatus"],
            tuple(each["AttributeName"] for each in table["KeySchema"]),
            expiry.get("AttributeName") if expiry.get("TimeToLiveStatus") == "ENABLED" else None,
            recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
        )

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _ask(self, service: str, operation: str, **asked: str) -> Json:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: Json = getattr(self._client(service), operation)(**asked)
        except ClientError as error:
            code = str(error.response["Error"].get("Code"))
        except BotoCoreError as error:
            code = type(error).__name__
        else:
            return answer
        # Raised here, where neither the error nor what was asked is at hand: both may hold a secret.
        raise _failed(service, operation, code, self.region)

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            from botocore.config import Config

            config = Config(
                connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}
            )
            made = self._session().create_client(service, region_name=self.region, config=config)
            self.region = made.meta.region_name
            self._clients[service] = made
        return self._clients[service]


def _failed(service: str, operation: str, code: str, region: str | None) -> ActionFailed:
    return ActionFailed(f"{service}:{NAMES[operation]}", code, region)


def _own(text: Hidden | None) -> Hidden | None:
    return None if text == PLACEHOLDER else text

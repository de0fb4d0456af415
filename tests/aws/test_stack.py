"""A stack for its operator, in an emulated CloudFormation, Secrets Manager and DynamoDB."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.aws.emulated_stack import SYSTEM_KEY, EmulatedStack, emulated_stack
from tests.store.ministack import REGION, session
from vaultcore.aws.stack import ActionFailed, Stack, TableState, VaultSecrets

CANARY = "sk-CANARY-of-a-secret"


@pytest.fixture
def emulated() -> Iterator[EmulatedStack]:
    with emulated_stack() as opened:
        yield opened


@pytest.fixture
def stack(emulated: EmulatedStack) -> Iterator[Stack]:
    with closing(Stack(emulated.name, session=session(emulated.proxy.url))) as opened:
        yield opened


def test_a_stack_tells_its_state_and_outputs(emulated: EmulatedStack, stack: Stack) -> None:
    """All outputs by name, the status, and the region."""
    state = stack.describe()

    assert (state.name, state.region, state.status) == (emulated.name, REGION, "CREATE_COMPLETE")
    assert state.outputs == emulated.outputs


def test_secrets_are_read_as_the_functions_read_them(emulated: EmulatedStack, stack: Stack) -> None:
    """A key in two parts is joined, the placeholder counts as empty, and JSON has its field."""
    ids = emulated.outputs["VaultSecretId"], emulated.outputs["VaultPasswordSecretId"]

    assert stack.secret(emulated.outputs["SystemKeySecretId"], "key") == SYSTEM_KEY
    assert stack.vault_secrets(*ids) == VaultSecrets(None, None)

    stack.put(ids[0], "the vault")
    emulated.write("VaultPasswordSecretId", '{"password": "of it", "note": "no"}')
    assert stack.vault_secrets(*ids) == VaultSecrets("the vault", stack.secret(ids[1], "password"))
    assert stack.secret(ids[1], "password") == "of it"


def test_a_table_is_described(emulated: EmulatedStack, stack: Stack) -> None:
    """TTL and recovery are reported disabled and enabled."""
    name = emulated.outputs["TableName"]

    assert stack.table(name) == TableState("ACTIVE", ("pk", "sk"), None, has_recovery=False)
    emulated.forget_and_restore()
    assert stack.table(name) == TableState("ACTIVE", ("pk", "sk"), "exp", has_recovery=True)


@pytest.mark.parametrize(
    ("action", "ask"),
    [
        ("cloudformation:DescribeStacks", lambda stack: stack.describe()),
        ("secretsmanager:GetSecretValue", lambda stack: stack.secret(CANARY, "key")),
        ("secretsmanager:PutSecretValue", lambda stack: stack.put("id", CANARY)),
        ("dynamodb:DescribeTable", lambda stack: stack.table("table")),
    ],
)
def test_a_refusal_names_the_permission_and_no_secret(
    action: str, ask: Callable[[Stack], object], emulated: EmulatedStack, stack: Stack
) -> None:
    """A rejected call names the IAM action, AWS's code and the region, and no secret."""
    emulated.proxy.rejections[action.partition(":")[2], ""] = "AccessDeniedException"
    with pytest.raises(ActionFailed) as failure:
        ask(stack)

    error = failure.value
    assert (error.action, error.code, error.region) == (action, "AccessDeniedException", REGION)
    assert CANARY not in "".join(traceback.format_exception(error)) + repr(vars(error))


def test_reprs_show_no_secret() -> None:
    """No repr shows the vault or the password."""
    assert CANARY not in repr(VaultSecrets(CANARY, None))


def test_a_missing_answer_has_a_code() -> None:
    """Without a server, the code is botocore's class name."""
    stack = Stack("any", session=session("http://127.0.0.1:1"))
    with closing(stack), pytest.raises(ActionFailed) as failure:
        stack.describe()

    assert failure.value.code == "EndpointConnectionError"

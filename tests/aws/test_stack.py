"""A stack as its operator sees it, against an emulated CloudFormation, Secrets Manager and DynamoDB."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.aws.stacked import SYSTEM_KEY, Stacked, stacked
from tests.store.ministack import REGION, session
from vaultcore.aws.stack import ActionFailed, VaultSecrets, Stack, TableState

CANARY = "sk-CANARY-of-a-secret"


@pytest.fixture
def there() -> Iterator[Stacked]:
    with stacked() as made:
        yield made


@pytest.fixture
def stack(there: Stacked) -> Iterator[Stack]:
    with closing(Stack(there.name, session=session(there.door.url))) as made:
        yield made


def test_a_stack_tells_its_state_and_outputs(there: Stacked, stack: Stack) -> None:
    """All outputs by their names, the status, and the region that was asked."""
    found = stack.describe()

    assert (found.name, found.region, found.status) == (there.name, REGION, "CREATE_COMPLETE")
    assert found.outputs == there.outputs


def test_secrets_are_read_as_the_functions_read_them(there: Stacked, stack: Stack) -> None:
    """A key in two parts is one, what the template put there counts as empty, and JSON has its field."""
    ids = there.outputs["VaultSecretId"], there.outputs["VaultPasswordSecretId"]

    assert stack.secret(there.outputs["SystemKeySecretId"], "key") == SYSTEM_KEY
    assert stack.vault_secrets(*ids) == VaultSecrets(None, None)

    stack.put(ids[0], "the vault")
    there.write("VaultPasswordSecretId", '{"password": "of it", "note": "no"}')
    assert stack.vault_secrets(*ids) == VaultSecrets("the vault", stack.secret(ids[1], "password"))
    assert stack.secret(ids[1], "password") == "of it"


def test_a_table_is_told_as_it_is(there: Stacked, stack: Stack) -> None:
    """Expiry and recovery are told off and on."""
    name = there.outputs["TableName"]

    assert stack.table(name) == TableState("ACTIVE", ("pk", "sk"), None, has_recovery=False)
    there.forget_and_restore()
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
    action: str, ask: Callable[[Stack], object], there: Stacked, stack: Stack
) -> None:
    """What AWS refuses carries the permission it takes, AWS's code and the region, and no secret anywhere."""
    there.door.refused[action.partition(":")[2], ""] = "AccessDeniedException"
    with pytest.raises(ActionFailed) as refused:
        ask(stack)

    error = refused.value
    assert (error.action, error.code, error.region) == (action, "AccessDeniedException", REGION)
    assert CANARY not in "".join(traceback.format_exception(error)) + repr(vars(error))


def test_what_holds_secrets_does_not_show_them() -> None:
    """Neither vault nor password is in a repr."""
    assert CANARY not in repr(VaultSecrets(CANARY, None))


def test_no_answer_is_told_as_such() -> None:
    """Where nothing listens, botocore's word for it is the code."""
    stack = Stack("any", session=session("http://127.0.0.1:1"))
    with closing(stack), pytest.raises(ActionFailed) as refused:
        stack.describe()

    assert refused.value.code == "EndpointConnectionError"

"""DynamoDBClient against a server of raw sockets: signatures, lost answers, repeats, clock skew."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.aws.dynamodb_server import LOST, SILENT, Answer, ScriptedDynamoDB, error, scripted_dynamodb
from tests.fakes.clock import NOON, FakeClock
from vaultcore.aws import dynamodb
from vaultcore.aws.clients import AwsError
from vaultcore.aws.dynamodb import (
    ConditionsFailed,
    DynamoDBBusy,
    DynamoDBClient,
    DynamoDBNoAnswer,
    DynamoDBTable,
    WriteAction,
)

pytestmark = pytest.mark.anyio
ITEM = {"pk": {"S": "a"}, "sk": {"S": "ü"}, "n": {"N": "1"}, "b": {"B": "AAEC"}}
BODY = {"Item": ITEM}
GET = {"TableName": "t", "Key": {"pk": {"S": "a"}, "sk": {"S": "ü"}}}
UPDATE = {**GET, "UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
TRANSACTION = {"TransactItems": [{"Update": UPDATE}]}
CONDITION = error("ConditionalCheckFailedException", Item=ITEM)
BUSY = error("ProvisionedThroughputExceededException")
CUT = Answer(200, BODY, sends=60)
CORRUPT = Answer(200, BODY, headers={"x-amz-crc32": "1"})
NO_JSON = Answer(200, b"<html>")
INTERNAL = error("InternalServerError", 500)
UNAVAILABLE = Answer(503, b"<html>Service Unavailable</html>")
IN_PROGRESS = error("TransactionInProgressException")
# faults after which the request may have been applied, and the codes of their errors
AMBIGUOUS = {
    "lost": (LOST, "ConnectionClosedError"),
    "cut": (CUT, "ConnectionClosedError"),
    "silent": (SILENT, "ReadTimeoutError"),
    "corrupt": (CORRUPT, "ChecksumError"),
    "no JSON": (NO_JSON, "ResponseParserError"),
    "500": (INTERNAL, "InternalServerError"),
    "503": (UNAVAILABLE, "503"),
}


@pytest.fixture
async def server() -> AsyncIterator[ScriptedDynamoDB]:
    async with scripted_dynamodb(NOON) as server:
        yield server


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture
def environ(server: ScriptedDynamoDB) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret-of-the-example",
        "AWS_CONFIG_FILE": "absent",
        "AWS_SHARED_CREDENTIALS_FILE": "absent",
    }


def no_botocore() -> Any:
    raise AssertionError("botocore is not needed")


@pytest.fixture
async def client(environ: dict[str, str], clock: FakeClock) -> AsyncIterator[DynamoDBClient]:
    client = DynamoDBClient(no_botocore, environ=environ, clock=clock, read_timeout=0.5)
    yield client
    await client.aclose()


async def test_calls_are_signed_and_reuse_a_connection(
    server: ScriptedDynamoDB, client: DynamoDBClient
) -> None:
    """Consecutive calls are signed requests on one connection, and return DynamoDB's JSON."""
    server.script.extend([Answer(200, BODY), Answer(200, {}), Answer(200, BODY)])
    responses = [await client.call(each, GET) for each in ("get_item", "batch_get_item", "get_item")]

    assert [each.get("Item") for each in responses] == [ITEM, None, ITEM]
    assert [each["ResponseMetadata"] for each in responses] == [
        {"RetryAttempts": 0, "IsAmbiguous": False}
    ] * 3
    assert [each.operation for each in server.requests] == ["GetItem", "BatchGetItem", "GetItem"]
    assert {(each.connection, each.is_signed) for each in server.requests} == {(1, True)}
    assert all(each.body == GET for each in server.requests)
    assert {each.headers["content-type"] for each in server.requests} == {"application/x-amz-json-1.0"}


async def test_a_session_token_is_sent_and_signed(
    server: ScriptedDynamoDB, client: DynamoDBClient, environ: dict[str, str]
) -> None:
    """Temporary credentials send their token, inside the signature."""
    environ["AWS_SESSION_TOKEN"] = "temporary+/="
    await client.call("get_item", GET)

    assert server.requests[0].headers["x-amz-security-token"] == "temporary+/="
    assert "x-amz-security-token" in server.requests[0].headers["authorization"]
    assert server.requests[0].is_signed


@pytest.mark.parametrize("step", [0, 1, 13])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_answers_in_any_pieces(
    server: ScriptedDynamoDB, client: DynamoDBClient, step: int, is_chunked: bool
) -> None:
    """An answer is the same in one packet or many, with a length or in chunks."""
    server.script.append(Answer(200, BODY, step=step, is_chunked=is_chunked))

    assert (await client.call("get_item", GET))["Item"] == ITEM


async def test_calls_at_the_same_time(server: ScriptedDynamoDB, client: DynamoDBClient) -> None:
    """Calls do not wait for each other, and their connections are reused."""
    requests = [{"TableName": "t", "Key": {"n": {"N": f"{n}"}}} for n in range(20)]
    await asyncio.gather(*(client.call("get_item", each) for each in requests))
    await asyncio.gather(*(client.call("get_item", each) for each in requests))

    assert len(server.requests) == 40
    assert {each.connection for each in server.requests} == set(range(1, 21))


@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_a_call_is_repeated_once(server: ScriptedDynamoDB, client: DynamoDBClient, name: str) -> None:
    """An answer that is lost, invalid or an internal error leads to one more attempt on a new connection.

    The response says that the first attempt may have been applied.
    """
    server.script.extend([AMBIGUOUS[name][0], Answer(200, BODY)])
    response = await client.call("update_item", UPDATE)

    assert response["Item"] == ITEM
    assert response["ResponseMetadata"] == {"RetryAttempts": 1, "IsAmbiguous": True}
    assert [each.connection for each in server.requests] == [1, 2]


@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_no_answer_at_all(server: ScriptedDynamoDB, client: DynamoDBClient, name: str) -> None:
    """After the second attempt the error names the failure, and that the request may have been applied."""
    fault, code = AMBIGUOUS[name]
    server.script.extend([fault] * 3)
    with pytest.raises(AwsError) as caught:
        await client.call("update_item", UPDATE)

    assert (str(caught.value), caught.value.is_ambiguous) == (f"update_item: {code}", True)
    assert isinstance(caught.value, DynamoDBNoAnswer) == (fault not in (INTERNAL, UNAVAILABLE))
    assert len(server.requests) == 2


@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_the_caller_decides_about_a_repeat(
    server: ScriptedDynamoDB, client: DynamoDBClient, name: str
) -> None:
    """Without `repeat` there is one attempt, on a new or on a reused connection."""
    fault, code = AMBIGUOUS[name]
    server.script.extend([fault, Answer(), fault])
    for _ in range(2):
        with pytest.raises(AwsError) as caught:
            await client.call("update_item", UPDATE, repeat=False)
        assert (caught.value.code, caught.value.is_ambiguous) == (code, True)
        if len(server.requests) == 1:
            await client.call("get_item", GET)

    assert len(server.requests) == 3


@pytest.mark.parametrize("name", AMBIGUOUS)
@pytest.mark.parametrize("answer", [CONDITION, BUSY, error("AccessDeniedException")])
async def test_a_failed_repeat_may_follow_a_success(
    server: ScriptedDynamoDB, client: DynamoDBClient, name: str, answer: Answer
) -> None:
    """If the repeat fails, its exception says that the first attempt may have been applied."""
    server.script.extend([AMBIGUOUS[name][0], answer])
    with pytest.raises((ConditionsFailed, AwsError)) as caught:
        await client.call("update_item", UPDATE)

    assert isinstance(caught.value, ConditionsFailed | AwsError)
    assert caught.value.is_ambiguous


@pytest.mark.parametrize("repeat", [True, False])
async def test_a_refusal_is_not_ambiguous(
    server: ScriptedDynamoDB, client: DynamoDBClient, repeat: bool
) -> None:
    """A false condition is final, and its exception has the current item."""
    server.script.append(CONDITION)
    with pytest.raises(ConditionsFailed) as caught:
        await client.call("update_item", UPDATE, repeat=repeat)

    assert (caught.value.items, caught.value.is_ambiguous) == ({0: ITEM}, False)
    assert len(server.requests) == 1


async def test_a_transaction_is_repeated_with_its_token(
    server: ScriptedDynamoDB, client: DynamoDBClient
) -> None:
    """Both attempts of a transaction carry one ClientRequestToken; the next transaction has another one."""
    for fault in (LOST, SILENT, INTERNAL, IN_PROGRESS):
        server.script.extend([fault, Answer()])
        await client.call("transact_write_items", TRANSACTION)
    await client.call("transact_write_items", {**TRANSACTION, "ClientRequestToken": "own"})
    tokens = [each.body["ClientRequestToken"] for each in server.requests]

    assert tokens[0::2][:4] == tokens[1::2][:4]
    assert len(set(tokens[:8])) == 4
    assert all(len(each) == 36 for each in tokens[:8])
    assert tokens[8] == "own"


@pytest.mark.parametrize(
    "code",
    [
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionInProgressException",
    ],
)
async def test_throttled_calls(
    server: ScriptedDynamoDB, client: DynamoDBClient, clock: FakeClock, code: str
) -> None:
    """A throttled call is repeated once after a pause; then it raises DynamoDBBusy, and wrote nothing."""
    server.script.extend([error(code), Answer(200, BODY), error(code), error(code)])
    response = await client.call("update_item", UPDATE)
    with pytest.raises(DynamoDBBusy) as caught:
        await client.call("update_item", UPDATE)

    assert response["Item"] == ITEM
    assert clock.slept == [dynamodb.MAX_PAUSE] * 2
    assert caught.value.code == code
    assert caught.value.is_ambiguous == (code == "TransactionInProgressException")
    assert len({each.connection for each in server.requests}) == (1 if not caught.value.is_ambiguous else 3)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (["TransactionConflict", "None"], DynamoDBBusy),
        (["None", "ThrottlingError"], DynamoDBBusy),
        (["ConditionalCheckFailed", "TransactionConflict"], ConditionsFailed),
        (["ValidationError", "None"], AwsError),
    ],
)
async def test_cancelled_transactions(
    server: ScriptedDynamoDB, client: DynamoDBClient, codes: list[str], expected: type[Exception]
) -> None:
    """A cancelled transaction raises the exception of its reasons at once."""
    reasons = [{"Code": each} for each in codes]
    server.script.append(error("TransactionCanceledException", CancellationReasons=reasons))
    with pytest.raises(expected) as caught:
        await client.call("transact_write_items", TRANSACTION)

    assert type(caught.value) is expected
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ResourceNotFoundException", "ValidationException"]
)
async def test_errors_have_no_text_of_aws(
    server: ScriptedDynamoDB, client: DynamoDBClient, code: str
) -> None:
    """Another error is final and shows AWS's code only."""
    server.script.append(error(code))
    with pytest.raises(AwsError) as caught:
        await client.call("get_item", GET)

    assert (str(caught.value), caught.value.is_ambiguous) == (f"get_item: {code}", False)
    assert "secret-table" not in repr(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("offset", [-3_600.0, -400.0, 400.0, 86_400.0])
async def test_a_wrong_clock(
    server: ScriptedDynamoDB, client: DynamoDBClient, clock: FakeClock, offset: float
) -> None:
    """A rejected signature leads to one repeat with the server's time, which later calls use at once."""
    server.time += offset
    await client.call("get_item", GET)
    await client.call("get_item", GET)

    assert len(server.requests) == 3
    assert abs(client.clock_offset - offset) <= 1.0

    server_time = client.server_now()
    clock.step(offset)  # somebody sets the clock
    assert client.server_now() == server_time
    await client.call("get_item", GET, repeat=False)
    assert len(server.requests) in (4, 5)
    assert abs(client.clock_offset) <= 1.0


async def test_a_wrong_secret(server: ScriptedDynamoDB, client: DynamoDBClient) -> None:
    """A signature that is rejected although the clocks agree is not repeated."""
    server.secrets["AKIDEXAMPLE"] = "another"
    with pytest.raises(AwsError, match=r"^get_item: InvalidSignatureException$"):
        await client.call("get_item", GET)

    assert len(server.requests) == 1


async def test_a_wrong_clock_without_a_date(server: ScriptedDynamoDB, client: DynamoDBClient) -> None:
    """Without the server's time a rejected signature is final."""
    server.time, server.has_date = NOON + 3_600, False
    with pytest.raises(AwsError, match=r"^get_item: InvalidSignatureException$"):
        await client.call("get_item", GET)

    assert (len(server.requests), client.clock_offset) == (1, 0.0)


async def test_the_offset_becomes_exact(
    server: ScriptedDynamoDB, client: DynamoDBClient, clock: FakeClock
) -> None:
    """Answers at different fractions of a second narrow the offset of the clocks."""
    for _ in range(20):
        clock.time += 0.37
        server.time = clock.time + 2.6
        await client.call("get_item", GET)

    assert abs(client.clock_offset - 2.6) < 0.1


async def test_a_restarted_server(server: ScriptedDynamoDB, client: DynamoDBClient) -> None:
    """Connections that the server has closed are not used, even before the event loop has seen their end."""
    await asyncio.gather(*(client.call("get_item", GET) for _ in range(3)))
    await server.drop_connections()
    responses = [await client.call("update_item", UPDATE, repeat=False) for _ in range(2)]

    assert len(server.requests) == 5
    assert not any(each["ResponseMetadata"]["IsAmbiguous"] for each in responses)


async def test_a_connection_that_dies_with_a_request(
    server: ScriptedDynamoDB, client: DynamoDBClient
) -> None:
    """A reused connection that ends without an answer is replaced, for the same request."""
    await client.call("get_item", GET)
    server.script.append(LOST)
    response = await client.call("update_item", UPDATE)

    assert response["ResponseMetadata"] == {"RetryAttempts": 1, "IsAmbiguous": True}
    assert [each.connection for each in server.requests] == [1, 1, 2]


async def test_idle_connections_end(
    server: ScriptedDynamoDB, client: DynamoDBClient, clock: FakeClock
) -> None:
    """A connection that was idle for more than twenty seconds, or frozen, is not used again."""
    for seconds, connection in ((0.0, 1), (19.0, 1), (21.0, 2), (-3_600.0, 3)):
        clock.time += seconds
        server.time = clock.time
        await client.call("get_item", GET)
        assert server.requests[-1].connection == connection


async def test_an_answer_that_ends_its_connection(server: ScriptedDynamoDB, client: DynamoDBClient) -> None:
    """After `Connection: close` the next call uses a new connection."""
    server.script.append(Answer(200, BODY, headers={"connection": "close"}, closes=True))
    await client.call("get_item", GET)
    await client.call("get_item", GET, repeat=False)

    assert [each.connection for each in server.requests] == [1, 2]


async def test_a_cancelled_call(server: ScriptedDynamoDB, client: DynamoDBClient) -> None:
    """A cancelled call closes its connection: the next call never reads an answer to another request."""
    server.script.append(SILENT)
    task = asyncio.create_task(client.call("get_item", GET))
    await server.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        await server.ended.wait()
    await client.call("get_item", GET, repeat=False)

    assert [each.connection for each in server.requests] == [1, 2]


async def test_no_server(environ: dict[str, str], clock: FakeClock) -> None:
    """If nobody listens, nothing was sent and nothing is ambiguous."""
    client = DynamoDBClient(
        no_botocore, environ={**environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, clock=clock
    )
    with pytest.raises(DynamoDBNoAnswer) as caught:
        await client.call("update_item", UPDATE)
    await client.aclose()

    assert (caught.value.code, caught.value.is_ambiguous) == ("EndpointConnectionError", False)


async def test_closing_waits_for_calls(server: ScriptedDynamoDB, client: DynamoDBClient) -> None:
    """Closing lets running calls end; later calls raise AwsError."""
    call = asyncio.create_task(client.call("get_item", GET))
    await server.arrived.wait()
    await client.aclose()

    assert call.done()
    with pytest.raises(AwsError, match="closed"):
        await client.call("get_item", GET)


async def test_crowded(
    server: ScriptedDynamoDB, client: DynamoDBClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls beyond MAX_CALLS wait; after MAX_WAIT they fail without having been sent."""
    monkeypatch.setattr(dynamodb, "MAX_CALLS", 1)
    monkeypatch.setattr(dynamodb, "MAX_WAIT", 0.05)
    server.script.append(SILENT)
    first = asyncio.create_task(client.call("get_item", GET))
    await server.arrived.wait()
    with pytest.raises(AwsError, match="crowded"):
        await client.call("get_item", GET)

    assert await first
    assert len(server.requests) == 2


@pytest.mark.filterwarnings("ignore:.*:pytest.PytestUnraisableExceptionWarning")  # their loops have ended
async def test_several_event_loops(server: ScriptedDynamoDB, client: DynamoDBClient) -> None:
    """A client may be used in one event loop after another: connections belong to a loop."""
    for _ in range(2):
        await asyncio.to_thread(asyncio.run, client.call("get_item", GET, repeat=False))
    await client.call("get_item", GET, repeat=False)

    assert [each.connection for each in server.requests] == [1, 2, 3]
    gc.collect()  # closes the connections of ended loops, in this test


async def test_a_table_passes_repeat_on(server: ScriptedDynamoDB, client: DynamoDBClient) -> None:
    """A table's write is attempted once if its caller decides about repeats."""
    table, update = DynamoDBTable(client, "t"), WriteAction("Update", {"Key": GET["Key"]})
    server.script.extend([LOST, LOST])
    for actions in ((update,), (update, update)):
        with pytest.raises(DynamoDBNoAnswer):
            await table.write(*actions, repeat=False)

    assert [each.operation for each in server.requests] == ["UpdateItem", "TransactWriteItems"]


ENVIRON = "{'AWS_REGION': 'eu-west-1', 'AWS_ACCESS_KEY_ID': 'a', 'AWS_SECRET_ACCESS_KEY': 'b'}"


@pytest.mark.parametrize(
    ("code", "modules"),
    [
        (
            "from vaultcore.aws.dynamodb import DynamoDBClient; DynamoDBClient(environ=environ).warm()",
            ["botocore", "boto3", "urllib3", "httpx", "h11", "email"],
        ),
        (
            "import asyncio; from vaultcore.compose import compose; from vaultcore.settings import Settings;"
            "settings = Settings.from_env({**environ, 'VAULTEDGE_STORE': 'dynamodb:t'});"
            "asyncio.run(compose(settings).store.warm())",
            ["botocore", "boto3"],
        ),
    ],
    ids=["client", "gateway"],
)
def test_botocore_is_not_imported(code: str, modules: list[str]) -> None:
    """With region and credentials in the environment, preparing the first call imports no botocore."""
    script = (
        f"import sys; environ = {{**{ENVIRON}, 'AWS_CONFIG_FILE': 'absent'}}; {code};"
        f"print([name for name in {modules} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"

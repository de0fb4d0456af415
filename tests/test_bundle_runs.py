"""The functions' bundle on their Python version: it contains what the AWS calls need."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from shutil import which

import pytest

from tests.handlers.sam import ROOT
from tests.store.ministack import REGION, EmulatedTable, emulator, session, table
from tests.test_build import build_lock

CALLS = """
import asyncio, json, os, sys
import handlers
from vaultcore.aws.clients import AwsClients
from vaultcore.aws.dynamodb import DynamoDBClient, WriteAction
from vaultcore.aws.sns import SnsClient

table, topic = sys.argv[1:]
aws = AwsClients()
dynamo = DynamoDBClient(aws.session, environ=os.environ)
sns = SnsClient(os.environ["AWS_REGION"], aws.session)
loop = asyncio.new_event_loop()
call = lambda operation, request: loop.run_until_complete(dynamo.call(operation, request))
key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
request = {"TableName": table, "Key": key}
results = []
results.append(aws.get_secret_values(["made"])["SecretValues"][0]["SecretString"])
call("put_item", {"TableName": table, "Item": {**key, "n": {"N": "1"}}})
call("update_item", {**request, "UpdateExpression": "ADD n :one",
    "ExpressionAttributeValues": {":one": {"N": "1"}}})
results.append(call("get_item", request)["Item"]["n"]["N"])
batch = {"RequestItems": {table: {"Keys": [key]}}}
results.append(len(call("batch_get_item", batch)["Responses"][table]))
results.append(call("query", {"TableName": table, "KeyConditionExpression": "pk = :a",
    "ExpressionAttributeValues": {":a": {"S": "a"}}})["Count"])
call("transact_write_items", {"TransactItems": [
    {"Put": {"TableName": table, "Item": {"pk": {"S": "a"}, "sk": {"S": "c"}}}}, {"Delete": request}]})
call("delete_item", request)
results.append(call("get_item", request).get("Item"))
loop.run_until_complete(dynamo.aclose())
loop.close()
sns.publish(topic, "subject", "text", {"id": "x"})
results.append(aws.session().create_client("sts").get_caller_identity()["Account"])
task = os.environ["PYTHONPATH"]
from vaultcore.app import create_app
from handlers.build import build
create_app(build())
modules = [m for m in sys.modules.values() if (getattr(m, "__file__", None) or "").startswith(task)]
bare = [m.__name__ for m in modules if m.__file__.endswith(".py") and not os.path.exists(m.__cached__)]
outside = {"botocore", "httptools", "starlette", "vaultcore"} - {m.__name__ for m in modules}
print(json.dumps({"results": results, "modules": len(modules), "bare": bare, "outside": sorted(outside)}))
"""


def _python() -> str:
    """Return an interpreter of the functions' Python version; skip the test without one."""
    interpreters = sorted((Path.home() / ".pyenv" / "versions").glob("3.13*/bin/python"))
    for python in (str(ROOT / ".venv-sam" / "bin" / "python"), which("python3.13"), *map(str, interpreters)):
        command = [python or "absent", "-c", "import sys; print(*sys.version_info[:2], sep='.')"]
        try:
            completed = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError:
            continue
        if completed.stdout.strip() == "3.13":
            return command[0]
    pytest.skip("no Python 3.13 on this machine, the functions' version")


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data plane's bundle for this machine's processor."""
    folder = tmp_path_factory.mktemp("task")
    arch = {"aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    command = ["make", "-s", "lambda-artifact", "BUNDLE=stream", f"ARCH={arch}", f"ARTIFACTS_DIR={folder}"]
    with build_lock():
        completed = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
        )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return folder


@pytest.mark.slow
def test_the_bundle_can_call_aws(task: Path) -> None:
    """Secrets Manager, DynamoDB, SNS and STS respond; all imports come from the bundle and have byte code."""
    table_instance = table()
    completed = subprocess.run(
        [_python(), "-S", "-c", CALLS, table_instance.name, _topic()],
        env={
            **table_instance.environ,
            **_settings(table_instance),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(task),
        },
        cwd=task,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    report = json.loads(completed.stdout.splitlines()[-1])

    assert report["results"][:5] == ["text", "2", 1, 1, None]
    assert report["results"][5].isdigit()
    assert report["modules"] > 300
    assert (report["bare"], report["outside"]) == ([], [])


def _settings(table_instance: EmulatedTable) -> dict[str, str]:
    return {
        "VAULTEDGE_STORE": table_instance.url,
        "VAULTEDGE_PEPPER_SECRET": "made",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _topic() -> str:
    secrets, topics = (session(emulator())().create_client(name) for name in ("secretsmanager", "sns"))
    secrets.create_secret(Name="made", SecretString="text")
    arn: str = topics.create_topic(Name="made")["TopicArn"]
    for each in (secrets, topics):
        each.close()
    assert REGION in arn
    return arn

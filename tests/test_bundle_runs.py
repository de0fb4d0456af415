"""The functions' bundle on the functions' Python: AWS is called with what has not been left out of it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from shutil import which

import pytest

from tests.handlers.sam import ROOT
from tests.store.ministack import REGION, Table, emulator, session, table
from tests.test_build import alone

CALLS = """
import json, os, sys
import handlers
from vaultcore.aws.clients import Aws
from vaultcore.aws.dynamo import Action, Dynamo
from vaultcore.aws.sns import Sns

table, topic = sys.argv[1:]
aws = Aws()
dynamo, sns = Dynamo(aws.session), Sns(os.environ["AWS_REGION"], aws.session)
key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
asked = {"TableName": table, "Key": key}
told = []
told.append(aws.batch(["made"])["SecretValues"][0]["SecretString"])
dynamo.ask("put_item", {"TableName": table, "Item": {**key, "n": {"N": "1"}}})
dynamo.ask("update_item", {**asked, "UpdateExpression": "ADD n :one",
    "ExpressionAttributeValues": {":one": {"N": "1"}}})
told.append(dynamo.ask("get_item", asked)["Item"]["n"]["N"])
told.append(len(dynamo.ask("batch_get_item", {"RequestItems": {table: {"Keys": [key]}}})["Responses"][table]))
told.append(dynamo.ask("query", {"TableName": table, "KeyConditionExpression": "pk = :a",
    "ExpressionAttributeValues": {":a": {"S": "a"}}})["Count"])
dynamo.ask("transact_write_items", {"TransactItems": [
    {"Put": {"TableName": table, "Item": {"pk": {"S": "a"}, "sk": {"S": "c"}}}}, {"Delete": asked}]})
dynamo.ask("delete_item", asked)
told.append(dynamo.ask("get_item", asked).get("Item"))
sns.publish(topic, "subject", "text", {"id": "x"})
told.append(aws.session().create_client("sts").get_caller_identity()["Account"])
task = os.environ["PYTHONPATH"]
from vaultcore.app import create_app
from handlers.build import build
create_app(build())
held = [m for m in sys.modules.values() if (getattr(m, "__file__", None) or "").startswith(task)]
bare = [m.__name__ for m in held if m.__file__.endswith(".py") and not os.path.exists(m.__cached__)]
outside = {"botocore", "httpx", "starlette", "vaultcore"} - {m.__name__ for m in held}
print(json.dumps({"told": told, "held": len(held), "bare": bare, "outside": sorted(outside)}))
"""


def _python() -> str:
    """An interpreter of the functions' version."""
    kept = sorted((Path.home() / ".pyenv" / "versions").glob("3.13*/bin/python"))
    for python in (str(ROOT / ".venv-sam" / "bin" / "python"), which("python3.13"), *map(str, kept)):
        command = [python or "absent", "-c", "import sys; print(*sys.version_info[:2], sep='.')"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError:
            continue
        if done.stdout.strip() == "3.13":
            return command[0]
    pytest.skip("no Python 3.13 on this machine, and the functions run on nothing else")


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data plane's bundle for this machine's processor."""
    folder = tmp_path_factory.mktemp("task")
    arch = {"aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    command = ["make", "-s", "lambda-artifact", "BUNDLE=stream", f"ARCH={arch}", f"ARTIFACTS_DIR={folder}"]
    with alone():
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_every_call_to_aws_works_out_of_the_bundle(task: Path) -> None:
    """Secrets Manager, DynamoDB, SNS and STS answer; all imports are the bundle's and have byte code."""
    made = table()
    done = subprocess.run(
        [_python(), "-S", "-c", CALLS, made.name, _topic()],
        env={**made.environ, **_settings(made), "PATH": os.environ["PATH"], "PYTHONPATH": str(task)},
        cwd=task,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])

    assert told["told"][:5] == ["text", "2", 1, 1, None]
    assert told["told"][5].isdigit()
    assert told["held"] > 300
    assert (told["bare"], told["outside"]) == ([], [])


def _settings(made: Table) -> dict[str, str]:
    return {"VAULTEDGE_STORE": made.url, "VAULTEDGE_PEPPER_SECRET": "made", "PYTHONDONTWRITEBYTECODE": "1"}


def _topic() -> str:
    secrets, topics = (session(emulator())().create_client(name) for name in ("secretsmanager", "sns"))
    secrets.create_secret(Name="made", SecretString="text")
    arn: str = topics.create_topic(Name="made")["TopicArn"]
    for each in (secrets, topics):
        each.close()
    assert REGION in arn
    return arn

"""The AWS emulator with the features it lacks: a program for the Python of .venv-aws, never imported.

* API Gateway's streaming integration is treated as a buffered one, so a streaming template deploys unchanged.
* Functions run with the Python that they were built for, not with the emulator's.
* A secret's physical id is its ARN, as in CloudFormation, so role statements match it; it may have a policy.
* Code is unpacked once, not once per process.
* `aws:PrincipalArn` of a session is its role's ARN.
* `dynamodb:LeadingKeys` contains the partition keys of a request, so that conditions on them apply.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from threading import Lock
from types import SimpleNamespace
from typing import Any, ClassVar

from ministack.app import main
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.services import apigateway_v1, secretsmanager
from ministack.services.cloudformation import provisioners

PARTITION = re.compile(r"\bpk\s*=\s*(:\w+)")
SESSION = re.compile(r"arn:aws:sts::(\d+):assumed-role/([^/]+)/.*")
KINDS = provisioners._RESOURCE_HANDLERS
SECRET = dict(KINDS["AWS::SecretsManager::Secret"])
function_of = apigateway_v1._extract_lambda_ref_from_integration_uri
program_of = lambda_runtime._detect_runtime_binary
context_of = iam_actions.dynamodb_service_context
condition_of = iam_evaluator._resolve_condition_key
checks_of = iam_actions.dynamodb_transaction_checks


def function(uri: str) -> str:
    return str(function_of(uri.replace("/response-streaming-invocations", "/invocations")))


def program(runtime: str) -> tuple[str, str]:
    binary, script = program_of(runtime)
    return (os.environ["FUNCTION_PYTHON"] if runtime.startswith("python") else binary), script


class Unpacked(zipfile.ZipFile):
    """An archive that is unpacked once; copies are links to the folder."""

    lock = Lock()

    def extractall(self, path: str, *_: object) -> None:
        assert self.filename is not None
        shared = Path(gettempdir()) / sha256(Path(self.filename).read_bytes()).hexdigest()
        with self.lock:
            if not shared.exists():
                super().extractall(shared)
        Path(path).rmdir()
        Path(path).symlink_to(shared)
        Path(self.filename).unlink()


def name(arn: str) -> str:
    return next((name for name, each in secretsmanager._secrets.items() if each["ARN"] == arn), arn)


def make(*args: Any) -> tuple[str, dict[str, str]]:
    _, attributes = SECRET["create"](*args)
    return attributes["Arn"], attributes


def change(arn: str, *args: Any, **kwargs: Any) -> tuple[str, dict[str, str]]:
    _, attributes = SECRET["update"](name(arn), *args, **kwargs)
    return attributes["Arn"], attributes


def drop(arn: str, *args: Any) -> Any:
    return SECRET["delete"](name(arn), *args)


def attach(_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, str]]:
    policy = json.dumps(properties["ResourcePolicy"])
    secretsmanager._put_resource_policy({"SecretId": properties["SecretId"], "ResourcePolicy": policy})
    return properties["SecretId"], {}


def detach(secret: str, _properties: object) -> None:
    secretsmanager._delete_resource_policy({"SecretId": secret})


def condition(key: str, *args: Any) -> Any:
    value = condition_of(key, *args)
    return SESSION.sub(r"arn:aws:iam::\1:role/\2", value) if key.lower() == "aws:principalarn" else value


def partition_keys(request: object) -> Iterator[str]:
    """Yield every partition key in a request."""
    if isinstance(request, dict):
        for field, each in request.items():
            if field in {"Key", "Item"} and isinstance(each, dict) and "S" in each.get("pk", ()):
                yield each["pk"]["S"]
            elif field == "KeyConditionExpression" and (match := PARTITION.search(each)):
                yield request["ExpressionAttributeValues"][match[1]]["S"]
            elif field == "Keys":
                yield from (key["pk"]["S"] for key in each)
            else:
                yield from partition_keys(each)
    elif isinstance(request, list):
        for each in request:
            yield from partition_keys(each)


def context(body: bytes) -> dict[str, Any]:
    keys = list(partition_keys(json.loads(body or b"{}")))
    Checks.keys = keys
    return {**context_of(body), **({"dynamodb:LeadingKeys": keys} if keys else {})}


class Checks(list[tuple[str, str]]):
    """The actions of a transaction; while one is checked, `keys` contains only its own partition key."""

    keys: ClassVar[list[str]] = []  # of the current request

    def __iter__(self) -> Iterator[tuple[str, str]]:
        every = list(self.keys)
        for check, key in zip(super().__iter__(), every, strict=True):
            self.keys[:] = [key]
            yield check
        self.keys[:] = every


def checks(*args: Any) -> Checks:
    return Checks(checks_of(*args))


apigateway_v1._extract_lambda_ref_from_integration_uri = function
lambda_runtime._detect_runtime_binary = program
lambda_runtime.zipfile = SimpleNamespace(ZipFile=Unpacked)
iam_evaluator._resolve_condition_key = condition
iam_actions.dynamodb_service_context = context
iam_actions.dynamodb_transaction_checks = checks
KINDS["AWS::SecretsManager::Secret"] = {**SECRET, "create": make, "update": change, "delete": drop}
KINDS["AWS::SecretsManager::ResourcePolicy"] = {"create": attach, "delete": detach}
main()

"""Builds and deploys the template to the emulator as an operator does, with `sam build` and `sam deploy`."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.deploy.aws_emulator import Emulator
from tests.handlers.sam import ROOT, sam_python
from tests.store.ministack import new_session, session

NAME = "vaultedge"
ARCHITECTURE = "arm64" if os.uname().machine in {"aarch64", "arm64"} else "x86_64"
TIMEOUT = 120.0  # seconds for a response of a function that may have to start first, on a shared machine


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack: its outputs, resources and clients."""

    emulator: Emulator
    built: Path
    outputs: Mapping[str, str]
    resources: Mapping[str, str] = field(repr=False)  # physical ids by logical ids
    name: str = NAME

    @property
    def url(self) -> str:
        """The URL of the API's stage in the emulator; on AWS this is BaseUrl."""
        return f"{self.emulator.url}/restapis/{self.resources['Api']}/prod/_user_request_"

    def client(self, service: str) -> Any:
        """Return a botocore client with an administrator's permissions."""
        return session(self.emulator.url)().create_client(service)

    def secret(self, output: str) -> str:
        """Return a secret's text; for a key in two parts, the complete key."""
        response = self.client("secretsmanager").get_secret_value(SecretId=self.outputs[output])
        text = str(response["SecretString"])
        if not text.startswith("{"):
            return text
        fields = json.loads(text)
        return f"{fields['prefix']}{fields['key']}"

    def web(self, key: str) -> httpx.Client:
        """Return an HTTP client that sends the key."""
        headers = {"authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT, trust_env=False)

    def admin(self) -> httpx.Client:
        return self.web(self.secret("AdminKeySecretId"))

    def role(self, function: str) -> Callable[[str], Any]:
        """Return a factory of clients with the permissions of the function's role."""
        arn = self.client("lambda").get_function_configuration(FunctionName=self.resources[function])["Role"]
        credentials = self.client("sts").assume_role(RoleArn=arn, RoleSessionName=function)["Credentials"]
        client_session = new_session(self.emulator.url)
        client_session.set_credentials(
            credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
        )
        return client_session.create_client


def build(folder: Path) -> Path:
    """Run `sam build` for this machine's processor and return the folder."""
    environ = {
        **os.environ,
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "ARCH": ARCHITECTURE,
    }
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "lock").open("w") as lock:  # builds share installed files
        fcntl.flock(lock, fcntl.LOCK_EX)
        arguments = [
            "build",
            "--build-dir",
            str(folder),
            "--parameter-overrides",
            f"Architecture={ARCHITECTURE}",
        ]
        _sam(arguments, environ)
    return folder


def deploy(built: Path, emulator: Emulator, *parameters: str, name: str = NAME) -> Stack:
    """Run `sam deploy` and return the stack."""
    arguments = ["deploy", "--template-file", str(built / "template.yaml"), "--stack-name", name]
    arguments += ["--config-file", str(ROOT / "samconfig.toml"), "--no-confirm-changeset"]
    arguments += ["--parameter-overrides", f"Architecture={ARCHITECTURE}", *parameters]
    try:
        _sam(arguments, _environ(emulator, built))
    except AssertionError as error:
        raise AssertionError(f"{error}\n\nThe emulator's log:\n{emulator.read_log()[-3000:]}") from None
    return describe(emulator, built, name)


def delete(stack: Stack) -> None:
    """Run `sam delete`."""
    _sam(["delete", "--stack-name", stack.name, "--no-prompts"], _environ(stack.emulator, stack.built))


def _environ(emulator: Emulator, built: Path) -> dict[str, str]:
    paths = {"PATH": os.environ["PATH"], "HOME": str(built.parent)}
    return {**paths, "SAM_CLI_TELEMETRY": "0", **emulator.environ}


def describe(emulator: Emulator, built: Path, name: str) -> Stack:
    client = session(emulator.url)().create_client("cloudformation")
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    resources = client.describe_stack_resources(StackName=name)["StackResources"]
    return Stack(
        emulator=emulator,
        built=built,
        outputs={each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]},
        resources={each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources},
        name=name,
    )


def _sam(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    command = [str(sam_python()), "-m", "samcli", *arguments]
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=dict(environ), capture_output=True, text=True, timeout=400
    )
    output = done.stdout[-3000:] + done.stderr[-3000:]
    assert done.returncode == 0, f"sam {arguments[0]} ended with {done.returncode}:\n{output}"

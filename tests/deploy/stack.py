"""The template, built and deployed as an operator does it: `sam build`, `sam deploy`, to the emulator."""

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

from tests.deploy.emulated import Emulator
from tests.handlers.sam import ROOT, sam_python
from tests.store.ministack import new_session, session

NAME = "vaultedge"
ARCHITECTURE = "arm64" if os.uname().machine in {"aarch64", "arm64"} else "x86_64"
PATIENCE = 120.0  # for an answer of a function that may have to start first, on a machine that is shared


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack: what it put out, and clients that speak to it."""

    emulator: Emulator
    built: Path
    outputs: Mapping[str, str]
    resources: Mapping[str, str] = field(repr=False)  # physical ids by logical ones
    name: str = NAME

    @property
    def url(self) -> str:
        """The API's stage: what BaseUrl is on AWS, at the address that the emulator has for it."""
        return f"{self.emulator.url}/restapis/{self.resources['Api']}/prod/_user_request_"

    def client(self, service: str) -> Any:
        """One of botocore's, with the rights of an administrator."""
        return session(self.emulator.url)().create_client(service)

    def secret(self, output: str) -> str:
        """A secret's text; of a key in two parts, both."""
        asked = self.client("secretsmanager").get_secret_value(SecretId=self.outputs[output])
        text = str(asked["SecretString"])
        if not text.startswith("{"):
            return text
        told = json.loads(text)
        return f"{told['prefix']}{told['key']}"

    def web(self, key: str) -> httpx.Client:
        """A client that sends that key."""
        headers = {"authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE, trust_env=False)

    def admin(self) -> httpx.Client:
        return self.web(self.secret("AdminKeySecretId"))

    def role(self, function: str) -> Callable[[str], Any]:
        """Makes clients that have the rights of that function's role."""
        arn = self.client("lambda").get_function_configuration(FunctionName=self.resources[function])["Role"]
        asked = self.client("sts").assume_role(RoleArn=arn, RoleSessionName=function)["Credentials"]
        made = new_session(self.emulator.url)
        made.set_credentials(asked["AccessKeyId"], asked["SecretAccessKey"], asked["SessionToken"])
        return made.create_client


def build(folder: Path) -> Path:
    """What `sam build` leaves for this machine's processor."""
    environ = {
        **os.environ,
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "ARCH": ARCHITECTURE,
    }
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "lock").open("w") as lock:  # builds share what they install
        fcntl.flock(lock, fcntl.LOCK_EX)
        asked = ["build", "--build-dir", str(folder), "--parameter-overrides", f"Architecture={ARCHITECTURE}"]
        _sam(asked, environ)
    return folder


def deploy(built: Path, emulator: Emulator, *parameters: str, name: str = NAME) -> Stack:
    """What `sam deploy` makes of it."""
    asked = ["deploy", "--template-file", str(built / "template.yaml"), "--stack-name", name]
    asked += ["--config-file", str(ROOT / "samconfig.toml"), "--no-confirm-changeset"]
    asked += ["--parameter-overrides", f"Architecture={ARCHITECTURE}", *parameters]
    try:
        _sam(asked, _environ(emulator, built))
    except AssertionError as error:
        raise AssertionError(f"{error}\n\nThe emulator said:\n{emulator.said()[-3000:]}") from None
    return described(emulator, built, name)


def delete(stack: Stack) -> None:
    """Take it down with `sam delete`."""
    _sam(["delete", "--stack-name", stack.name, "--no-prompts"], _environ(stack.emulator, stack.built))


def _environ(emulator: Emulator, built: Path) -> dict[str, str]:
    paths = {"PATH": os.environ["PATH"], "HOME": str(built.parent)}
    return {**paths, "SAM_CLI_TELEMETRY": "0", **emulator.environ}


def described(emulator: Emulator, built: Path, name: str) -> Stack:
    client = session(emulator.url)().create_client("cloudformation")
    (told,) = client.describe_stacks(StackName=name)["Stacks"]
    made = client.describe_stack_resources(StackName=name)["StackResources"]
    return Stack(
        emulator=emulator,
        built=built,
        outputs={each["OutputKey"]: each["OutputValue"] for each in told["Outputs"]},
        resources={each["LogicalResourceId"]: each["PhysicalResourceId"] for each in made},
        name=name,
    )


def _sam(asked: Sequence[str], environ: Mapping[str, str]) -> None:
    command = [str(sam_python()), "-m", "samcli", *asked]
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=dict(environ), capture_output=True, text=True, timeout=400
    )
    told = done.stdout[-3000:] + done.stderr[-3000:]
    assert done.returncode == 0, f"sam {asked[0]} ended with {done.returncode}:\n{told}"

"""A deployed stack, for commands: how it is named, and what to do when AWS does not do what it should."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vaultcore.errors import VaultError

if TYPE_CHECKING:
    from vaultcore.aws.stack import ActionFailed, Deployed, Stack

PERMISSION = "whoever runs this needs the permission {action}"
SIGN_IN = "aws configure, aws sso login, or AWS_PROFILE=NAME in front of the command"
CURES = {  # AWS's codes and botocore's -> what they mean, and what to do
    "AccessDenied": ("not allowed", PERMISSION),
    "ConnectTimeoutError": ("no answer", "the network, a proxy, or no such region as {region}"),
    "CredentialRetrievalError": ("no credentials", SIGN_IN),
    "DecryptionFailure": ("the key does not open it", "kms:Decrypt with the stack's KMS key is needed, too"),
    "EncryptionFailure": (
        "the key does not seal it",
        "kms:GenerateDataKey with the stack's key is needed, too",
    ),
    "EndpointConnectionError": ("no answer", "the network, a proxy, or no such region as {region}"),
    "ExpiredToken": ("the credentials have expired", SIGN_IN),
    "InvalidClientTokenId": ("the credentials are not known", SIGN_IN),
    "InvalidRegionError": ("no such region", "--region REGION, like eu-central-1"),
    "InvalidRequest": ("it is marked for deletion", "aws secretsmanager restore-secret --secret-id ID"),
    "InvalidSignature": ("the signature does not fit", "set this machine's clock, then sign in again"),
    "LoginRefreshRequired": ("no credentials", SIGN_IN),
    "LoginTokenLoadError": ("no credentials", SIGN_IN),
    "NoCredentialsError": ("no credentials", SIGN_IN),
    "NoRegionError": ("no region", "--region REGION, or AWS_REGION"),
    "PartialCredentialsError": ("half the credentials", SIGN_IN),
    "ProfileNotFound": ("AWS_PROFILE names no profile", "aws configure list-profiles"),
    "ProxyConnectionError": ("no answer", "the proxy in HTTPS_PROXY"),
    "ReadTimeoutError": ("no answer", "try again"),
    "RequestExpired": ("the signature is too old", "set this machine's clock"),
    "ResourceNotFound": ("it is not in {region}", "another --region; or deploy the stack again"),
    "SSLError": ("no answer", "a proxy that opens TLS: AWS_CA_BUNDLE names its certificate"),
    "SSOTokenLoadError": ("no credentials", SIGN_IN),
    "SignatureDoesNotMatch": ("the signature does not fit", "the secret access key, or this machine's clock"),
    "Throttling": ("too many calls", "try again in a minute"),
    "TokenRetrievalError": ("no credentials", SIGN_IN),
    "UnauthorizedSSOTokenError": ("the credentials have expired", SIGN_IN),
    "UnrecognizedClient": ("the credentials are not known", SIGN_IN),
}


class StackUnusable(VaultError):
    """What a command needs of a stack is not to be had; says why, and what to do."""


def add_options(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument(
        "--stack", metavar="NAME", required=required, help="as sam deploy named it: samconfig.toml has it"
    )
    parser.add_argument("--region", help="where it is (default: AWS_REGION, else the AWS profile's)")


@contextmanager
def opened(args: argparse.Namespace) -> Iterator[Stack]:
    """The stack that the command line names. Within, what AWS refuses is a StackUnusable."""
    from vaultcore.aws.stack import ActionFailed, Stack

    stack, refused = Stack(args.stack, args.region), None
    try:
        yield stack
    except ActionFailed as error:
        refused = told(error, stack.name)
    finally:
        stack.close()
    if refused is not None:
        raise refused


def told(error: ActionFailed, stack: str) -> StackUnusable:
    """What AWS's word for a refusal means here."""
    region = error.region or "this region"
    if error.action == "cloudformation:DescribeStacks" and error.code == "ValidationError":
        return StackUnusable(
            f"there is no stack {stack} in {region}",
            hint="--region names another; sam list stack-outputs and aws cloudformation list-stacks find it",
        )
    code = error.code.removesuffix("Exception")
    meaning, cure = CURES.get(code, ("refused", "AWS's documentation of {action} has this code"))
    if code == "AccessDenied" and error.action.startswith("secretsmanager:"):
        cure += "; if the stack has SecretAdmins, they must be among them"
    words = {"action": error.action, "region": region}
    return StackUnusable(
        f"{error.action}: {meaning.format(**words)} ({error.code})", hint=cure.format(**words)
    )


def output(deployed: Deployed, name: str) -> str:
    """An output of the stack. Raises StackUnusable where it has none of that name."""
    if name in deployed.outputs:
        return deployed.outputs[name]
    if not deployed.outputs:
        raise StackUnusable(
            f"the stack {deployed.name} has no outputs: it is {deployed.status}",
            hint="sam deploy tells what failed; a stack in ROLLBACK_COMPLETE has to be deleted first",
        )
    raise StackUnusable(
        f"the stack {deployed.name} has no output {name}",
        hint="is it a VaultEdge stack? An older one: deploy this version",
    )


def vault_ids(deployed: Deployed) -> tuple[str, str]:
    """The ids of the two secrets that the operator fills: the vault's, and its password's."""
    return output(deployed, "VaultSecretId"), output(deployed, "VaultPasswordSecretId")

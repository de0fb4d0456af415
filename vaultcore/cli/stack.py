"""Access to a deployed stack for commands: its options, and explanations of AWS errors."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from vaultcore.errors import VaultError

if TYPE_CHECKING:
    from vaultcore.aws.stack import ActionFailed, Stack, StackState

PERMISSION = "grant the permission {action} to the identity that runs this command"
SIGN_IN = "run aws configure or aws sso login, or set AWS_PROFILE"
HINTS = {  # AWS and botocore error codes -> meaning, and what to do
    "AccessDenied": ("not allowed", PERMISSION),
    "ConnectTimeoutError": ("no response", "check the network, the proxy and the region {region}"),
    "CredentialRetrievalError": ("no credentials", SIGN_IN),
    "DecryptionFailure": ("decryption failed", "grant kms:Decrypt on the stack's KMS key"),
    "EncryptionFailure": ("encryption failed", "grant kms:GenerateDataKey on the stack's KMS key"),
    "EndpointConnectionError": ("no response", "check the network, the proxy and the region {region}"),
    "ExpiredToken": ("the credentials have expired", SIGN_IN),
    "InvalidClientTokenId": ("AWS does not know these credentials", SIGN_IN),
    "InvalidRegionError": ("no such region", "set --region, for example eu-central-1"),
    "InvalidRequest": (
        "the secret is scheduled for deletion",
        "run aws secretsmanager restore-secret --secret-id ID",
    ),
    "InvalidSignature": ("invalid signature", "set this machine's clock, then sign in again"),
    "LoginRefreshRequired": ("no credentials", SIGN_IN),
    "LoginTokenLoadError": ("no credentials", SIGN_IN),
    "NoCredentialsError": ("no credentials", SIGN_IN),
    "NoRegionError": ("no region", "set --region or AWS_REGION"),
    "PartialCredentialsError": ("incomplete credentials", SIGN_IN),
    "ProfileNotFound": ("AWS_PROFILE names no existing profile", "run aws configure list-profiles"),
    "ProxyConnectionError": ("no response", "check the proxy in HTTPS_PROXY"),
    "ReadTimeoutError": ("no response", "try again"),
    "RequestExpired": ("the signature has expired", "set this machine's clock"),
    "ResourceNotFound": ("not found in {region}", "set another --region, or deploy the stack again"),
    "SSLError": ("TLS failed", "if a proxy intercepts TLS, set AWS_CA_BUNDLE to its certificate"),
    "SSOTokenLoadError": ("no credentials", SIGN_IN),
    "SignatureDoesNotMatch": ("invalid signature", "check the secret access key and this machine's clock"),
    "Throttling": ("too many calls", "try again in a minute"),
    "TokenRetrievalError": ("no credentials", SIGN_IN),
    "UnauthorizedSSOTokenError": ("the credentials have expired", SIGN_IN),
    "UnrecognizedClient": ("AWS does not know these credentials", SIGN_IN),
}


class StackError(VaultError):
    """A command cannot use the stack. `hint` says what to do."""


def add_options(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument(
        "--stack",
        metavar="NAME",
        required=required,
        help="name of the CloudFormation stack, see samconfig.toml",
    )
    parser.add_argument(
        "--region", help="AWS region of the stack (default: AWS_REGION, else the AWS profile's region)"
    )


@contextmanager
def open_stack(args: argparse.Namespace) -> Iterator[Stack]:
    """Open the stack of `--stack`. Raise StackError for AWS errors inside the context."""
    from vaultcore.aws.stack import ActionFailed, Stack

    stack, failure = Stack(args.stack, args.region), None
    try:
        yield stack
    except ActionFailed as error:
        failure = explain_failure(error, stack.name)
    finally:
        stack.close()
    if failure is not None:
        raise failure


def explain_failure(error: ActionFailed, stack: str) -> StackError:
    """Return the StackError that explains an AWS error code."""
    region = error.region or "this region"
    if error.action == "cloudformation:DescribeStacks" and error.code == "ValidationError":
        return StackError(
            f"no stack {stack} in {region}",
            hint="set --region; aws cloudformation list-stacks lists the stacks of a region",
        )
    code = error.code.removesuffix("Exception")
    meaning, hint = HINTS.get(
        code, ("request rejected", "see this code in the AWS documentation of {action}")
    )
    if code == "AccessDenied" and error.action.startswith("secretsmanager:"):
        hint += "; if the stack sets SecretAdmins, add that identity to it"
    words = {"action": error.action, "region": region}
    return StackError(f"{error.action}: {meaning.format(**words)} ({error.code})", hint=hint.format(**words))


def require_output(deployed: StackState, name: str) -> str:
    """Return an output of the stack. Raise StackError if the stack does not have it."""
    if name in deployed.outputs:
        return deployed.outputs[name]
    if not deployed.outputs:
        raise StackError(
            f"the stack {deployed.name} has no outputs; its status is {deployed.status}",
            hint="run sam deploy to see the failure; delete a stack in ROLLBACK_COMPLETE first",
        )
    raise StackError(
        f"the stack {deployed.name} has no output {name}",
        hint="check that it is a VaultEdge stack; deploy this version if it is an older one",
    )


def vault_secret_ids(deployed: StackState) -> tuple[str, str]:
    """Return the ids of the two secrets that the operator fills: the vault and its password."""
    return require_output(deployed, "VaultSecretId"), require_output(deployed, "VaultPasswordSecretId")

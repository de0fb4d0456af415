"""The surroundings of a deployed gateway: Secrets Manager with a filled vault, and an overlay."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.aws.secrets_manager import SecretsManagerServer, secrets_manager
from vaultcore.vault.keyring import Credential
from vaultcore.vault.sealed import seal

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"
PASSWORD, PROVIDER_KEY = "password-sentinel-of-the-vault", "sk-house-sentinel-000001"
SYSTEM_KEY = "ve-" + "0123456789abcdef" * 3  # the keys in events/
ADMIN_KEY = "va-" + "fedcba9876543210" * 3
PEPPER = "0f1e2d3c4b5a6978" * 4


@dataclass
class Deployment:
    """A function's environment and its Secrets Manager."""

    environ: dict[str, str]
    secrets: SecretsManagerServer


@contextmanager
def serve_deployment(folder: Path, base_url: str) -> Iterator[Deployment]:
    """Yield the environment of a function whose vault has one key, for the provider at `base_url`."""
    overlay = folder / "providers.yaml"
    overlay.write_text(
        f"providers:\n  house-llm: {{base_url: '{base_url}', local: true}}\n"
        "models:\n  gpt-4o-mini: {primary: house-llm/gpt-4o-mini}\n",
        "utf-8",
    )
    with secrets_manager() as secrets:
        secrets.secrets |= {
            "gw/vault": seal([Credential("house-llm", PROVIDER_KEY)], PASSWORD),
            "gw/password": PASSWORD,
            "gw/system": json.dumps({"prefix": "ve-", "key": SYSTEM_KEY[3:]}),
            "gw/admin": json.dumps({"prefix": "va-", "key": ADMIN_KEY[3:]}),
            "gw/pepper": PEPPER,
        }
        yield Deployment(environ(folder, overlay, secrets.url), secrets)


def environ(folder: Path, overlay: Path, endpoint: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "LAMBDA_TASK_ROOT": str(ROOT),
        "PROVIDERS_FILE": str(overlay),
        "VAULTEDGE_VAULT_SECRET": "gw/vault",
        "VAULTEDGE_PASSWORD_SECRET": "gw/password",
        "VAULTEDGE_SYSTEM_KEY_SECRET": "gw/system",
        "VAULTEDGE_LOG_LEVEL": "DEBUG",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }

"""Parses a response of BatchGetSecretValue: the texts of its secrets, and why others are missing.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field

from vaultcore.lazy_dataclass import dataclass
from vaultcore.vault.secret_text import SecretText
from vaultcore.wire import Json


class UnusableSecret(Exception):
    """A secret cannot be used. The message names it and the reason, never its text."""


@dataclass(frozen=True, slots=True)
class SecretBatch:
    """Texts by requested ID, and AWS's error code or another reason for each secret without one."""

    texts: Mapping[str, str] = field(repr=False)
    errors: Mapping[str, str]

    def text(self, id: str) -> str:
        """Return a secret's text. Raise UnusableSecret."""
        if id in self.texts:
            return self.texts[id]
        raise UnusableSecret(f"secret {id}: {self.errors.get(id, 'not in the response')}")

    def field(self, id: str, name: str) -> SecretText:
        """Return the value of a secret, see `field_of`. Raise UnusableSecret."""
        value = field_of(self.text(id), name)
        if value is None:
            raise UnusableSecret(
                f"secret {id} is JSON without a string {name!r} and not with exactly one string"
            )
        return value


def parse_batch(response: Json, ids: Sequence[str]) -> SecretBatch:
    """Match the response's secrets to the requested IDs: names, full ARNs, or ARNs without their suffix."""
    texts: dict[str, str] = {}
    errors: dict[str, str] = {}
    for requested in ids:
        for entry in response.get("SecretValues") or ():
            if not _matches(requested, entry):
                continue
            if isinstance(text := entry.get("SecretString"), str):
                texts[requested] = text
            else:
                errors[requested] = "is binary, not text"
        for error in response.get("Errors") or ():
            if _matches(requested, {"Name": error.get("SecretId"), "ARN": error.get("SecretId")}):
                errors[requested] = str(error.get("ErrorCode"))
    return SecretBatch(texts, errors)


def field_of(text: str, name: str) -> SecretText | None:
    """Return a secret's value: its text, or of a JSON object the field `name` or the only string.

    `{"prefix": "ve-", "key": "..."}` is one value in two parts, because CloudFormation cannot generate a
    string with a prefix. Return None for any other JSON object.
    """
    text = text.strip()
    try:
        parsed = json.loads(text) if text.startswith("{") else None
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        return SecretText(text)
    strings = {key: value.strip() for key, value in parsed.items() if isinstance(value, str)}
    match strings:
        case {"prefix": prefix, "key": key}:
            return SecretText(prefix + key)
        case _ if name in strings:
            return SecretText(strings[name])
        case _ if len(strings) == 1:
            return SecretText(next(iter(strings.values())))
        case _:
            return None


def _matches(id: str, entry: Json) -> bool:
    arn = str(entry.get("ARN") or "")
    return id in (entry.get("Name"), arn) or (id.startswith("arn:") and arn.startswith(f"{id}-"))

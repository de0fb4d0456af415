"""An answer of BatchGetSecretValue, read: which texts it has, which it has not and why.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vaultcore.vault.hidden import Hidden
from vaultcore.wire import Json


class SecretMissing(Exception):
    """A secret cannot be used; the message names it and the reason, never its text."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The texts of secrets by the id they were asked for, and the reasons for those that are missing."""

    texts: Mapping[str, str] = field(repr=False)
    missing: Mapping[str, str]

    def text(self, id: str) -> str:
        if id in self.texts:
            return self.texts[id]
        raise SecretMissing(f"secret {id}: {self.missing.get(id, 'not in the answer')}")

    def field(self, id: str, name: str) -> Hidden:
        """What that secret is about, see `field_of`."""
        found = field_of(self.text(id), name)
        if found is None:
            raise SecretMissing(f"secret {id} is JSON with neither {name!r} in it nor just one string")
        return found


def parse_batch(answer: Json, ids: Sequence[str]) -> Batch:
    """Match the answer's secrets to the ids asked for: names, whole ARNs, or ARNs without their suffix."""
    texts: dict[str, str] = {}
    missing: dict[str, str] = {}
    for asked in ids:
        for entry in answer.get("SecretValues") or ():
            if not _is(asked, entry):
                continue
            if isinstance(text := entry.get("SecretString"), str):
                texts[asked] = text
            else:
                missing[asked] = "holds binary data where text is expected"
        for error in answer.get("Errors") or ():
            if _is(asked, {"Name": error.get("SecretId"), "ARN": error.get("SecretId")}):
                missing[asked] = str(error.get("ErrorCode"))
    return Batch(texts, missing)


def field_of(text: str, name: str) -> Hidden | None:
    """What a secret's text is about: itself, or of a JSON object `name` or its only string; None if neither.

    `{"prefix": "ve-", "key": "..."}` is one string in two parts: CloudFormation cannot generate it in one.
    """
    text = text.strip()
    try:
        parsed = json.loads(text) if text.startswith("{") else None
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        return Hidden(text)
    strings = {key: value.strip() for key, value in parsed.items() if isinstance(value, str)}
    match strings:
        case {"prefix": prefix, "key": key}:
            return Hidden(prefix + key)
        case _ if name in strings:
            return Hidden(strings[name])
        case _ if len(strings) == 1:
            return Hidden(next(iter(strings.values())))
        case _:
            return None


def _is(id: str, entry: Json) -> bool:
    arn = str(entry.get("ARN") or "")
    return id in (entry.get("Name"), arn) or (id.startswith("arn:") and arn.startswith(f"{id}-"))

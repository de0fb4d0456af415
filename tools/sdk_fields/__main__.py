"""Print the fields of the vendors' SDKs that no code names and the list does not allow.

    python -m tools.sdk_fields

The exit status is 1 if there is one, or if the list has an entry without use.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from tools.sdk_fields import sources
from tools.sdk_fields.allowed import ALLOWED
from tools.sdk_fields.names import names_in

SHARED = ("wire.py", "dialects/tools.py", "dialects/usage_counts.py", "dialects/chunks.py")
FORMATS: Mapping[
    str, tuple[Callable[[], Iterator[str]], tuple[str, ...]]
] = {  # fields, and where they are named
    "openai-chat": (
        sources.openai_chat,
        ("client_apis/chat.py", "client_apis/chat_validation.py", "dialects/openai", "simulators/openai.py"),
    ),
    "openai-responses": (
        sources.openai_responses,
        (
            *("client_apis/responses", "client_apis/responses_shape.py", "dialects/responses"),
            *("simulators/responses.py", "simulators/responses_rules.py"),
        ),
    ),
    "anthropic": (
        sources.anthropic_messages,
        ("client_apis/messages", "dialects/anthropic", "simulators/anthropic.py"),
    ),
    "gemini": (
        sources.gemini,
        ("client_apis/gemini", "dialects/gemini", "simulators/gemini.py", "simulators/gemini_rules.py"),
    ),
    "bedrock": (
        sources.bedrock,
        ("dialects/bedrock", "simulators/bedrock.py", "simulators/bedrock_rules.py"),
    ),
}


def unnamed_fields(wire_format: str) -> list[str]:
    """Return the `Type.field`s of a format that no code names, sorted."""
    fields, places = FORMATS[wire_format]
    names = names_in([*SHARED, *places])
    return sorted({field for field in fields() if field.partition(".")[2] not in names})


def findings(wire_format: str, unnamed: Iterable[str], patterns: Iterable[str]) -> Iterator[str]:
    """Yield a line for each field that no pattern allows, and for each pattern without use."""
    for field in unnamed:
        if not any(fnmatchcase(field, pattern) for pattern in patterns):
            yield f"{wire_format}: no code names {field}: name it, or add it to tools/sdk_fields/allowed.py"
    for pattern in patterns:
        if not any(fnmatchcase(field, pattern) for field in unnamed):
            yield f"{wire_format}: {pattern} in tools/sdk_fields/allowed.py has no use: remove it"


def main() -> int:
    lines = [line for name in FORMATS for line in findings(name, unnamed_fields(name), ALLOWED[name])]
    print("\n".join(lines) or "every field of the SDKs is named in the code or reviewed")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())

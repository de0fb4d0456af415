"""Opaque state in responses and requests: sealed or labelled with its issuer, and restored for it only."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from vaultcore.opaque_state.envelope import Envelope, Issuer, StateSeal, is_sealed
from vaultcore.opaque_state.marks import create_stage, mark_completion
from vaultcore.opaque_state.restore import issuing_accounts, restore_request
from vaultcore.secrets import Secrets
from vaultcore.vault.keyring import Credential, Keyring

ENVELOPE = Envelope(b"k" * 32)
OWN = StateSeal(ENVELOPE, Issuer("acme", "key-1", "m"))
OTHERS = {
    "provider": Issuer("other", "key-1", "m"),
    "account": Issuer("acme", "key-2", "m"),
    "family": Issuer("acme", "key-1", "n"),
}
GOOGLE = {"google": {"thought_signature": "SIG-G"}}
DETAILS = [{"type": "reasoning.text", "text": "I look.", "signature": "SIG-R", "index": 0}]

# Messages with each kind of state: as a dialect makes them, and as it needs them back.
MESSAGES: dict[str, dict[str, Any]] = {
    "signature": {"thinking_blocks": [{"type": "thinking", "thinking": "Hm", "signature": "SIG-A"}]},
    "redacted": {"thinking_blocks": [{"type": "redacted_thinking", "data": "SIG-D"}]},
    "reasoning item": {"thinking_blocks": [{"type": "reasoning", "item": '{"e":"SIG-O"}', "model": "m"}]},
    "message": {"extra_content": {"google": {"parts": [{"start": 0, "end": 2, "part": {"s": "SIG-P"}}]}}},
    "details": {"reasoning_details": DETAILS},
    "call": {
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "f", "arguments": "{}"},
                "extra_content": GOOGLE,
            }
        ]
    },
    "several": {
        "thinking_blocks": [
            {"type": "thinking", "thinking": "a", "signature": "SIG-1"},
            {
                "type": "thinking",
                "thinking": "b",
                "signature": "SIG-2",
                "position": {"text": 2, "calls": 0},
            },
        ]
    },
}


def message_of(kind: str) -> dict[str, Any]:
    return {"role": "assistant", "content": "ok", **deepcopy(MESSAGES[kind])}


def whole(message: dict[str, Any], *, seals: bool) -> dict[str, Any]:
    """Return a message as the client gets it in a buffered response."""
    completion: Any = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    marked: Any = mark_completion(completion, OWN, seals=seals)
    return dict(marked["choices"][0]["message"])


def streamed(message: dict[str, Any], *, seals: bool) -> dict[str, Any]:
    """Return a message as a client joins it from a stream that breaks each text in two."""
    stage, joined = create_stage(OWN, seals=seals), {"role": "assistant", "content": "ok"}
    deltas = [*fragments(message), {}]
    for i, delta in enumerate(deltas):
        finish_reason = "stop" if i == len(deltas) - 1 else None
        chunk: Any = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}
        for item in stage.feed(chunk):
            for choice in item["choices"]:
                join(joined, choice["delta"])
    for name in ("thinking_blocks", "tool_calls"):
        if name in joined:
            joined[name] = [{k: v for k, v in each.items() if k != "index"} for each in joined[name]]  # type: ignore[attr-defined]
    return joined


def fragments(message: dict[str, Any]) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = []
    for i, block in enumerate(message.get("thinking_blocks", ())):
        head = {"index": i, **{k: v for k, v in block.items() if k not in ("signature", "thinking")}}
        if block["type"] == "thinking":
            text, signature = block["thinking"], block["signature"]
            deltas.append({"thinking_blocks": [{**head, "thinking": text}]})
            head = {"index": i, "type": "thinking"}
            deltas += [
                {"thinking_blocks": [{**head, "signature": each}]} for each in (signature[:2], signature[2:])
            ]
        else:
            deltas.append({"thinking_blocks": [head]})
    deltas += [
        {"reasoning_details": [{**each, "text": each["text"][:2], "signature": None}]}
        for each in message.get("reasoning_details", ())
    ]
    deltas += [
        {"reasoning_details": [{**each, "text": each["text"][2:]}]}
        for each in message.get("reasoning_details", ())
    ]
    deltas += [{"tool_calls": [{"index": i, **call}]} for i, call in enumerate(message.get("tool_calls", ()))]
    deltas += [{"extra_content": message["extra_content"]}] if "extra_content" in message else []
    return deltas


def join(joined: dict[str, Any], delta: dict[str, Any]) -> None:
    """Join a delta as OpenAI's SDK does: lists by index, objects by field, texts one after the other."""
    for name, value in delta.items():
        if (
            name in ("type", "index", "position", "id", "name", "role")
            or name not in joined
            or joined[name] is None
        ):
            joined[name] = deepcopy(value)
        elif isinstance(value, dict):
            join(joined[name], value)
        elif isinstance(value, list):
            for item in value:
                same = [each for each in joined[name] if each.get("index") == item.get("index")]
                join(same[0], item) if same else joined[name].append(deepcopy(item))
        elif isinstance(value, str):
            joined[name] += value


def restore(message: dict[str, Any], seal: StateSeal = OWN) -> tuple[dict[str, Any], tuple[str, ...]]:
    request: Any = {"model": "m", "messages": [{"role": "user", "content": "Hi"}, message]}
    restored = restore_request(request, seal)
    return dict(restored.request["messages"][1]), restored.omitted


@pytest.mark.parametrize("seals", [True, False], ids=["sealed", "labelled"])
@pytest.mark.parametrize("form", [whole, streamed])
@pytest.mark.parametrize("kind", MESSAGES)
def test_x34_state_returns_to_its_issuer(kind: str, form: Any, *, seals: bool) -> None:
    """The issuer gets back what it has sent, in whichever form the client has held it."""
    marked = form(message_of(kind), seals=seals)

    restored, omitted = restore(marked)

    blocks = [
        {k: v for k, v in each.items() if k != "issuer"} for each in restored.get("thinking_blocks", ())
    ]
    assert {**restored, **({"thinking_blocks": blocks} if blocks else {})} == message_of(kind)
    assert omitted == ()


@pytest.mark.parametrize("seals", [True, False], ids=["sealed", "labelled"])
@pytest.mark.parametrize("form", [whole, streamed])
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("kind", MESSAGES)
def test_x34_state_reaches_no_other_issuer(kind: str, other: str, form: Any, *, seals: bool) -> None:
    """Another provider, account or model family gets none of it, and the request says what was left out."""
    marked = form(message_of(kind), seals=seals)

    restored, omitted = restore(marked, StateSeal(ENVELOPE, OTHERS[other]))

    assert "SIG" not in str(restored)
    assert "ve2." not in str(restored)
    assert omitted


@pytest.mark.parametrize("kind", MESSAGES)
def test_x34_sealed_state_is_not_readable(kind: str) -> None:
    """A client of Messages or Responses sees no signature, and no field that only its issuer reads."""
    sealed = whole(message_of(kind), seals=True)

    assert "SIG" not in str(sealed)
    assert sealed.keys() <= {"role", "content", "thinking_blocks", "tool_calls"}


@pytest.mark.parametrize("kind", MESSAGES)
def test_x34_labelled_state_keeps_its_fields(kind: str) -> None:
    """A client of chat completions finds each field as the provider has sent it; a label is beside it."""
    labelled = whole(message_of(kind), seals=False)

    def contains(outer: Any, inner: Any) -> bool:
        match inner:
            case dict():
                return all(contains(outer[name], value) for name, value in inner.items())
            case list():
                return all(contains(one, other) for one, other in zip(outer, inner, strict=True))
            case _:
                return bool(outer == inner)

    assert contains(labelled, message_of(kind))
    assert "ve2." in str(labelled)


@pytest.mark.parametrize("kind", MESSAGES)
def test_x34_changed_state_is_left_out(kind: str) -> None:
    """Sealed text that was changed on the way opens for nobody."""
    sealed = whole(message_of(kind), seals=True)
    for block in sealed["thinking_blocks"]:
        for name in ("signature", "data"):
            if is_sealed(block.get(name)):
                block[name] = block[name][:-6] + ("A" if block[name][-6] != "A" else "B") + block[name][-5:]

    restored, omitted = restore(sealed)

    assert "SIG" not in str(restored)
    assert omitted


def test_x34_text_of_foreign_reasoning_stays() -> None:
    """The readable text of reasoning that another issuer has signed is kept for models that take it."""
    sealed = whole(message_of("signature"), seals=True)

    restored, _ = restore(sealed, StateSeal(ENVELOPE, OTHERS["provider"]))

    assert restored["reasoning_content"] == "Hm"


def test_x34_state_without_a_label_stays() -> None:
    """State that a client has from elsewhere, or from an earlier version, is rendered by its type."""
    message = message_of("signature")

    assert restore(message) == (message, ())


def test_x34_the_issuing_account_is_preferred() -> None:
    """The accounts of the latest message with state are known before a key is chosen."""
    messages = [whole(message_of("call"), seals=False), {"role": "user", "content": "Hi"}]

    assert issuing_accounts(messages, ENVELOPE) == {"key-1"}
    assert issuing_accounts([{"role": "user", "content": "Hi"}], ENVELOPE) == frozenset()


@pytest.mark.parametrize("pepper", [b"p" * 40, None])
def test_x34_every_process_derives_the_same_key(pepper: bytes | None) -> None:
    """The key depends on the deployment's secrets only: on the pepper or, without one, on the vault."""
    credentials = [Credential("openai", "sk-a"), Credential("anthropic", "sk-b")]
    first, second = (Secrets(Keyring(keys), pepper=pepper) for keys in (credentials, credentials[::-1]))
    other = Secrets(Keyring(credentials[:1]), pepper=pepper and b"q" * 40)

    sealed = Envelope(first.state_key).seal({"a": 1}, "x")

    assert Envelope(second.state_key).open(sealed, "x") == {"a": 1}
    assert Envelope(second.state_key).open(sealed, "y") is None
    assert Envelope(other.state_key).open(sealed, "x") is None


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("gpt-5.4-2026-03-05", "gpt-5.4"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-5"),
        ("gemini-3-flash-preview", "gemini-3-flash-preview"),
    ],
)
def test_x34_a_family_has_no_date_and_no_region(name: str, family: str) -> None:
    """Snapshots and regions of one model read each other's state."""
    assert Issuer.of("p", "a", name).family == family

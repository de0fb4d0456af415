"""Whose reasoning is whose: what is encrypted goes back to the model it came from, or nowhere."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from vaultcore.catalog.schema import Target
from vaultcore.dialects.json_fields import arguments, dump
from vaultcore.dialects.responses.envelope import enveloped, seal, unseal
from vaultcore.streams.sse import Event
from vaultcore.wire import Json

ENCRYPTED = "reasoning.encrypted_content"  # of `include`
SEALED = '"encrypted_content"'
_SNAPSHOT = re.compile(r"-(?:20\d{6}|20\d\d-\d\d-\d\d|latest)$")


def block(item: Json, *, model: str, provider: str | None = None) -> Json:
    """A reasoning item as a thinking block that says who issued it.

    The item is in it as JSON text: a delta that holds a list without indexes breaks OpenAI's own SDK.
    """
    held = {name: value for name, value in item.items() if name != "status" and value is not None}
    issuer = {"model": model, **({"provider": provider} if provider else {})}
    return {"type": "reasoning", "item": dump(held), **issuer}


def items(blocks: Sequence[object], target: Target) -> list[Json]:
    """The reasoning items among thinking blocks that this target issued, as it issued them."""
    issued = [each for each in blocks if isinstance(each, dict) and _issued(each, target)]
    held = [arguments(each.get("item")) for each in issued]
    return [{"summary": [], **item} for item in held if item and item.get("encrypted_content")]


def pass_request(body: Json, target: Target) -> Json:
    """A client's own body: nothing is stored unless asked for, and foreign reasoning stays here.

    A client that is silent about it expects to be able to send reasoning back: what is not stored has to be
    given to it, encrypted, and what it has not been given is nowhere to be found.
    """
    told = body if body.get("store") is not None else _unstored(body, target)
    given = told.get("input")
    if not isinstance(given, list) or not any(map(_thought, given)):
        return told
    stored = told["store"] is not False
    return {**told, "input": [part for item in given for part in _opened(item, target, stored=stored)]}


def pass_answer(body: Json, target: Target) -> Json:
    """A provider's own answer, its encrypted reasoning in envelopes that say whose it is."""
    output = body.get("output")
    if not isinstance(output, list):
        return body
    return {**body, "output": [_enveloped(item, target) for item in output]}


def pass_event(event: Event, target: Target) -> Event:
    """The same of an event of a stream; nearly all pass as they are."""
    if SEALED not in event.data:
        return event
    try:
        told = json.loads(event.data)
    except (ValueError, RecursionError):
        return event  # the decoder has refused it
    match told:
        case {"item": item}:
            told = {**told, "item": _enveloped(item, target)}
        case {"response": dict() as whole}:
            told = {**told, "response": pass_answer(whole, target)}
    return Event(dump(told), event.name)


def _issued(each: Json, target: Target) -> bool:
    provider, model = each.get("provider"), each.get("model")
    if provider is not None and provider != target.provider.name:
        return False
    return (
        each.get("type") == "reasoning"
        and isinstance(model, str)
        and _plain(model) == _plain(target.model.name)
    )


def _plain(model: str) -> str:
    """A model's name without the date of its snapshot."""
    return _SNAPSHOT.sub("", model)


def _unstored(body: Json, target: Target) -> Json:
    told, included = {**body, "store": False}, body.get("include") or []
    thinks = body.get("reasoning") or target.model.capabilities.thinking not in (None, "none")
    if thinks and isinstance(included, list) and ENCRYPTED not in included:
        told["include"] = [*included, ENCRYPTED]
    return told


def _thought(item: object) -> bool:
    return isinstance(item, dict) and item.get("type") == "reasoning"


def _opened(item: object, target: Target, *, stored: bool) -> list[object]:
    """The item as its issuer knows it, if it is for this target."""
    if not isinstance(item, dict) or not _thought(item):
        return [item]
    sealed = item.get("encrypted_content")
    if enveloped(sealed):
        return list(items(unseal(sealed) or (), target))
    return [item] if sealed or stored else []


def _enveloped(item: object, target: Target) -> object:
    if not isinstance(item, dict) or not item.get("encrypted_content") or item.get("type") != "reasoning":
        return item
    held = block(item, model=target.model.name, provider=target.provider.name)
    return {**item, "encrypted_content": seal([held])}

"""A request's fields on a provider's terms: what it calls them, refuses, leaves aside or wants by default."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from vaultcore.catalog.schema import Offer, Target
from vaultcore.dialects import Change
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

IDLE = frozenset({"user"})  # says who asks, and nothing about what is asked
HERE = frozenset({"encoding_format"})  # done in this house where it is not done there
NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "background": ("auto",),
    "encoding_format": ("float",),
    "moderation": ("auto",),
    "quality": ("auto", "standard"),
    "size": ("auto",),
    "stream": (False,),
    "partial_images": (0,),
}


def settle(
    request: Json,
    target: Target,
    offer: Offer,
    changes: list[Change],
    *,
    taken: Collection[str] | None = None,
) -> Json:
    """The fields as the provider wants them. `taken` are those its format knows; None: whatever comes.

    Raises InvalidRequest naming the field that the provider has no equal for.
    """
    body: Json = {}
    for name, value in request.items():
        if value is None or name == "model":
            continue
        known = (taken is None or name in taken) and name not in offer.refuse
        if name in offer.drop or (not known and name in (*IDLE, *HERE)):
            changes.extend(_without(name, value, target))
        elif known:
            _put(body, name, value, offer, changes)
        elif value not in NEUTRAL.get(name, ()):
            raise unsupported(target, name)
    for name, value in offer.defaults.items():
        if name not in body:
            body[name] = value
            reason = f"{target.provider.title} gets it by default"
            changes.append(Change(name, "injected", reason, None, value))
    return body


def unsupported(target: Target, name: str, reason: str = "does not take it") -> InvalidRequest:
    """A refusal that names the field."""
    return InvalidRequest(
        f"{name}: {target.provider.title} {reason} ({target.name})",
        param=name,
        code="unsupported_parameter",
    )


def _without(name: str, value: object, target: Target) -> list[Change]:
    """What it means that a field is left out."""
    if value in NEUTRAL.get(name, ()):
        return []
    if name in HERE:
        return [Change(name, "emulated", f"{target.provider.title} does not do it: done here", value)]
    return [Change(name, "dropped", f"{target.provider.title} does not take it", value)]


def _put(body: Json, name: str, value: object, offer: Offer, changes: list[Change]) -> None:
    theirs, words = offer.rename.get(name, name), offer.values.get(name, {})
    word = words.get(value, value) if isinstance(value, str) else value
    if theirs != name or word != value:
        reason = f"called {theirs} there" if theirs != name else f"called {word} there"
        changes.append(Change(name, "renamed", reason, value, word))
    body[theirs] = word

"""Maps the fields of a media request to a provider's: renames, drops, rejects and adds defaults."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

IGNORABLE = frozenset({"user"})  # identifies the end user and does not change the result
EMULATED = frozenset({"encoding_format"})  # the gateway does it if the provider does not
DEFAULT_VALUES: Mapping[str, tuple[object, ...]] = {  # values that mean the same as an absent field
    "background": ("auto",),
    "encoding_format": ("float",),
    "moderation": ("auto",),
    "quality": ("auto", "standard"),
    "size": ("auto",),
    "stream": (False,),
    "partial_images": (0,),
}


def map_fields(
    request: Json,
    target: Target,
    offer: MediaOffer,
    changes: list[Change],
    *,
    supported: Collection[str] | None = None,
) -> Json:
    """Return the provider's fields for a request.

    `supported` are the fields of the provider's format; None means every field. Raises InvalidRequest for a
    field without an equivalent.
    """
    body: Json = {}
    advisory: Collection[str] = getattr(request, "advisory", ())  # fields that a provider may lack
    for name, value in request.items():
        if value is None or name == "model":
            continue
        is_supported = (supported is None or name in supported) and name not in offer.refuse
        if name in advisory and (supported is None or name not in supported):
            changes.append(Change(name, "dropped", f"{target.provider.title} does not support it", value))
        elif name in offer.drop or (not is_supported and name in (*IGNORABLE, *EMULATED)):
            changes.extend(_omission(name, value, target))
        elif is_supported:
            _set_field(body, name, value, offer, changes)
        elif value not in DEFAULT_VALUES.get(name, ()):
            raise unsupported(target, name)
    for name, value in offer.defaults.items():
        if name not in body:
            body[name] = value
            reason = f"the default for {target.provider.title}"
            changes.append(Change(name, "injected", reason, None, value))
    return body


def unsupported(target: Target, name: str, reason: str = "does not support it") -> InvalidRequest:
    """Return the error for a parameter that the provider does not support."""
    return InvalidRequest(
        f"{name}: {target.provider.title} {reason} ({target.name})",
        param=name,
        code="unsupported_parameter",
    )


def _omission(name: str, value: object, target: Target) -> list[Change]:
    """Return the change to report for an omitted field, if it is one."""
    if value in DEFAULT_VALUES.get(name, ()):
        return []
    title = target.provider.title
    if name in EMULATED:
        return [Change(name, "emulated", f"{title} does not support it: done by the gateway", value)]
    return [Change(name, "dropped", f"{title} does not support it", value)]


def _set_field(body: Json, name: str, value: object, offer: MediaOffer, changes: list[Change]) -> None:
    """Set a field under the provider's name, with the provider's value."""
    new_name, new_values = offer.rename.get(name, name), offer.values.get(name, {})
    new_value = new_values.get(value, value) if isinstance(value, str) else value
    if new_name != name or new_value != value:
        reason = f"sent as {new_name}" if new_name != name else f"sent as {new_value}"
        changes.append(Change(name, "renamed", reason, value, new_value))
    body[new_name] = new_value

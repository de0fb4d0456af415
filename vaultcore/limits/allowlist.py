"""Allow-lists of a virtual key: models it may call, and networks it may be used from.

Model names are compared exactly, including upper and lower case.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from vaultcore.catalog.schema import Target
from vaultcore.limits.virtual_key import VirtualKey


def allowed_targets(
    models: Sequence[str] | None, requested: str, targets: Sequence[Target], *, routed: bool
) -> list[Target]:
    """Return those of `targets` that the allow-list `models` permits, in their order. None permits all.

    An entry is a model name, `provider/model`, or `provider/*`, which covers that provider only.
    An entry equal to `requested`, the name in the request, permits every target, so that aliases work.
    A route of the operator (`routed`) may have the name of a model of its targets. The entry then permits
    only the targets of that model, and a fallback to another model needs its own entry.
    """
    if models is None:
        return list(targets)
    is_target_name = requested in [target.model.name for target in targets]
    permits_all = requested in models and not (routed and is_target_name)
    return [*targets] if permits_all else [target for target in targets if _lists(models, target)]


def _lists(models: Sequence[str], target: Target) -> bool:
    return not {target.model.name, target.name, f"{target.provider.name}/*"}.isdisjoint(models)


def allows_address(key: VirtualKey, address: str | None) -> bool:
    """Return True if `key` may be used from `address`.

    If the key lists networks, an address that is unknown or not an IP address is not allowed.
    """
    if not key.ips:
        return True
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)  # ::ffff:192.0.2.1 matches 192.0.2.0/24
    return any((mapped or parsed) in ip_network(network, strict=False) for network in key.ips)

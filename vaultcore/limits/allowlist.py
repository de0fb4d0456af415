"""Which models a key may use, and from where. Names are compared as they are: no spelling is forgiven."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from vaultcore.catalog.schema import Target
from vaultcore.limits.virtual_key import VirtualKey


def permitted(
    models: Sequence[str] | None, asked: str, targets: Sequence[Target], *, routed: bool
) -> list[Target]:
    """The targets of a request for `asked` that a list of models lets it go to, in their order.

    An entry is a model's name, `provider/model`, or `provider/*`, which never reaches beyond its provider.
    The name asked for counts too, for an alias means the same model everywhere. With a route of the
    operator's (`routed`) it counts where it is the route's alone: where it is also the name of a model there,
    only that model is meant, and a fallback to another one has to be listed itself.
    """
    if models is None:
        return list(targets)
    meant = asked in models and not (routed and any(target.model.name == asked for target in targets))
    return [target for target in targets if meant or _listed(models, target)]


def _listed(models: Sequence[str], target: Target) -> bool:
    return not {target.model.name, target.name, f"{target.provider.name}/*"}.isdisjoint(models)


def allows_address(key: VirtualKey, address: str | None) -> bool:
    """Whether a key may be used from an address; one that nobody knows is no allowed one."""
    if not key.ips:
        return True
    try:
        found = ip_address(address or "")
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in ip_network(network, strict=False) for network in key.ips)

"""One provider's stanza in an overlay file, and the row it makes.

A row is the checked stanza as JSON with snake_case keys. providers.json contains the built-in rows.
A stanza for a built-in provider replaces that row's columns one by one.
"""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.catalog import address, media_offer
from vaultcore.catalog.columns import nodes_by_column, read_column
from vaultcore.catalog.document import ConfigNode
from vaultcore.catalog.schema import ENDPOINTS, Provider
from vaultcore.wire import Json


def parse_stanza(node: ConfigNode, existing: Mapping[str, Json]) -> Json:
    """Return the row of a stanza on top of the `existing` row of that provider, empty if there is none.

    Raises ConfigError for an unknown key, an invalid value or a missing base_url.
    """
    nodes = nodes_by_column(node, Provider)
    nodes.pop("name", None)
    row: Json = dict(existing)
    for name, value in nodes.items():
        is_media = name in media_offer.FORMATS
        row[name] = media_offer.parse(value, name) if is_media else read_column(Provider, name, value)
    if "headers" in nodes and "headers" in existing:
        row["headers"] = {**existing["headers"], **row["headers"]}
    if "base_url" not in row:
        raise node.error("has no base_url, which a new provider needs")
    if "local" in nodes and "keyless" not in nodes:
        row["keyless"] = row["local"]  # an operator who adds a local server wants it called without a key
    _check_address(row, nodes, node)
    if row["base_url"] in existing.get("superseded", ()):
        row.update({key: existing[key] for key in ("base_url", "auth") if key in existing})
    return row


def _check_address(row: Json, nodes: Mapping[str, ConfigNode], stanza: ConfigNode) -> None:
    """Check and normalize the columns that depend on the base URL: itself, params and models_path."""
    node = nodes.get("base_url", stanza)
    url = address.strip_endpoint(row["base_url"], ENDPOINTS.get(row.get("dialect", "openai"), ()))
    try:
        row["base_url"] = address.check(url, local=row.get("local", False))
    except ValueError as error:
        raise node.error(str(error)) from None
    region = row.get("auth", {}).get("region", "")  # may contain a placeholder that base_url does not
    names = {*address.placeholders(row["base_url"]), *address.placeholders(region)}
    for key in ("params", "placeholders"):
        if key in nodes and (unused := sorted(set(row[key]) - names)):
            raise nodes[key].error(f"names {unused[0]}, which is not a placeholder of base_url")
    models = row.get("models_path")
    if models is not None and "://" in models:  # a full URL, as in files of the original VaultEdge
        below = models.startswith(row["base_url"])
        # Another host never receives this provider's key, so its list of models is not requested.
        row["models_path"] = models.removeprefix(row["base_url"]) if below else None

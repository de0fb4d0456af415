"""The columns `embeddings` and `images` of a provider: how it creates them, as one or more media offers.

A value is the name of a format, a mapping with a format and other columns, or a list of these. The first
offer that fits a model's name applies. `none` means that the provider has none.
"""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.catalog.columns import nodes_by_column, read_column
from vaultcore.catalog.document import ConfigNode
from vaultcore.catalog.schema import MediaOffer
from vaultcore.wire import Json

FORMATS: Mapping[str, Mapping[str, Json]] = {  # column -> format -> its default columns
    "embeddings": {
        "openai": {"path": "/embeddings", "batch": 2_048},
        "gemini": {"path": "/models/{model}:batchEmbedContents", "batch": 100},
        "cohere": {"path": "/v2/embed", "batch": 96},
        "titan": {"path": "/model/{model}/invoke", "batch": 1},
    },
    "images": {
        "openai": {"path": "/images/generations", "edits": "/images/edits", "batch": 10},
        "gemini": {
            "path": "/models/{model}:generateContent",
            "batch": 1,
            "gives": "b64_json",
            "size": "ratio",
        },
        "imagen": {"path": "/models/{model}:predict", "batch": 4, "gives": "b64_json", "size": "ratio"},
        "bfl": {"path": "/{model}", "batch": 1, "gives": "url", "size": "pixels"},
        "fireworks": {
            "path": "/workflows/{+model}/text_to_image",
            "batch": 1,
            "gives": "b64_json",
            "size": "ratio",
        },
        "stability": {"path": "/model/{model}/invoke", "batch": 1, "gives": "b64_json", "size": "ratio"},
        "canvas": {"path": "/model/{model}/invoke", "batch": 5, "gives": "b64_json", "size": "pixels"},
    },
}


def parse(node: ConfigNode, column: str) -> list[Json]:
    """Return the offers of a column, `embeddings` or `images`, as JSON; raise ConfigError."""
    if node.value == "none":
        return []
    return [_parse_offer(item, column) for item in node.items_or_self()]


def _parse_offer(node: ConfigNode, column: str) -> Json:
    nodes = {"format": node} if isinstance(node.value, str) else nodes_by_column(node, MediaOffer)
    if "format" not in nodes:
        raise node.error("has no format")
    name = nodes["format"].choice(FORMATS[column])
    row: Json = {"format": name, **FORMATS[column][name]}
    for key, value in nodes.items():
        if key != "format":
            row[key] = read_column(MediaOffer, key, value)
    return row

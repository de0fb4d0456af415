"""Builds the software bill of materials of a bundle in CycloneDX JSON. The same input gives the same bytes.

https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence

from tools.locked import Distribution

Json = dict[str, object]
SPEC = "1.6"


def build_sbom(
    name: str, version: str, license: str, bundle: str, distributions: Sequence[Distribution]
) -> bytes:
    """Return the bill of one bundle. It has no time stamp; its serial number is derived from its content."""
    purl = f"pkg:generic/{name}@{version}?bundle={bundle}"
    application: Json = {
        "type": "application",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "licenses": [{"license": {"id": license}}],
        "purl": purl,
    }
    names = {each.name for each in distributions}
    inner = {needed for each in distributions for needed in each.requires & names}
    depends = [{"ref": purl, "dependsOn": [_purl(each) for each in distributions if each.name not in inner]}]
    depends += [
        {
            "ref": _purl(each),
            "dependsOn": [_purl(other) for other in distributions if other.name in each.requires],
        }
        for each in distributions
    ]
    content: Json = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "version": 1,
        "metadata": {"component": application},
        "components": [_component(each) for each in distributions],
        "dependencies": depends,
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True))
    return json.dumps({**content, "serialNumber": f"urn:uuid:{serial}"}, indent=1).encode() + b"\n"


def _component(one: Distribution) -> Json:
    return {
        "type": "library",
        "bom-ref": _purl(one),
        "name": one.name,
        "version": one.version,
        "purl": _purl(one),
        "hashes": [{"alg": "SHA-256", "content": one.archive}],
        "licenses": _licenses(one),
    }


def _licenses(one: Distribution) -> list[Json]:
    if expression := one.metadata.get("License-Expression"):
        return [{"expression": str(expression)}]
    return [{"license": {"name": name}} for name in one.licenses]


def _purl(one: Distribution) -> str:
    return f"pkg:pypi/{one.name}@{one.version}"

"""What the tools compile: the same again from the same sources."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
CATALOG = ROOT / "vaultcore/catalog"


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"tools/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def test_models_are_what_their_sources_make() -> None:
    """Compiling again gives the committed bytes, where the prices are of the same version."""
    pinned = json.loads((CATALOG / "models.json").read_bytes())["source"].split()[1].rstrip(",")
    try:
        installed = version("genai-prices")
    except PackageNotFoundError:
        pytest.skip("genai-prices is not installed")
    if installed != pinned:
        pytest.skip(f"genai-prices is {installed}, models.json was compiled from {pinned}")

    assert tool("build_models").compiled().encode() == (CATALOG / "models.json").read_bytes()


def test_providers_are_what_the_yaml_says() -> None:
    """providers.json says the same as providers.yaml, byte for byte as compiled."""
    build = tool("build_providers")

    assert build.compiled(build.rows()) == (CATALOG / "providers.json").read_text("utf-8")


def test_the_guide_shows_the_providers_there_are() -> None:
    """The table in docs/providers.md is the one the tool writes."""
    build = tool("build_providers")
    text = (ROOT / "docs/providers.md").read_text("utf-8")

    assert build.guide(text, build.rows()) == text


def test_the_price_version_is_a_hash_of_the_content() -> None:
    """A change of any price changes the version, and nothing else does."""
    table = json.loads((CATALOG / "models.json").read_bytes())
    told = table.pop("price_version")
    canonical = json.dumps(table, sort_keys=True, separators=(",", ":"))

    assert told == hashlib.sha256(canonical.encode()).hexdigest()[:12]


def test_the_tables_stay_small() -> None:
    """A cold start reads them whole."""
    assert (CATALOG / "models.json").stat().st_size < 300_000
    assert (CATALOG / "providers.json").stat().st_size < 50_000

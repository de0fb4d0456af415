"""The compiled catalog files are up to date with their sources."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
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
    sys.modules[name] = module  # dataclasses look up their module there
    spec.loader.exec_module(module)
    return module


def test_models_json_is_up_to_date() -> None:
    """Compiling again gives the committed bytes, if the version of genai-prices is the same."""
    pinned = json.loads((CATALOG / "models.json").read_bytes())["source"].split()[1].rstrip(",")
    try:
        installed = installed_version("genai-prices")
    except PackageNotFoundError:
        pytest.skip("genai-prices is not installed")
    if installed != pinned:
        pytest.skip(f"genai-prices is {installed}, models.json was compiled from {pinned}")

    assert tool("build_models").compile_models().encode() == (CATALOG / "models.json").read_bytes()


def test_providers_json_is_up_to_date() -> None:
    """Compiling providers.yaml gives the committed bytes."""
    build = tool("build_providers")

    assert build.compile_rows(build.read_rows()) == (CATALOG / "providers.json").read_text("utf-8")


def test_the_table_in_the_guide_is_up_to_date() -> None:
    """The table in docs/providers.md is the one that the tool writes."""
    build = tool("build_providers")
    text = (ROOT / "docs/providers.md").read_text("utf-8")

    assert build.replace_table(text, build.read_rows()) == text


def test_the_price_version_is_a_hash_of_the_content() -> None:
    """A change of any price changes the version, and nothing else does."""
    table = json.loads((CATALOG / "models.json").read_bytes())
    version = table.pop("price_version")
    canonical = json.dumps(table, sort_keys=True, separators=(",", ":"))

    assert version == hashlib.sha256(canonical.encode()).hexdigest()[:12]


def test_the_tables_stay_small() -> None:
    """Each cold start reads both files."""
    assert (CATALOG / "models.json").stat().st_size < 300_000
    assert (CATALOG / "providers.json").stat().st_size < 50_000

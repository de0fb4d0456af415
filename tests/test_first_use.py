"""Modules and patterns that are loaded at their first use behave like those that are loaded at once."""

from __future__ import annotations

import re
import sys

import pytest

from vaultcore.client_apis import lazy, messages
from vaultcore.first_use import LazyModule, lazy_pattern


def test_a_lazy_module_has_the_names_of_the_module() -> None:
    """Each name is the module's own; a missing one raises AttributeError."""
    assert lazy.messages.parse_request is messages.parse_request
    assert not hasattr(LazyModule("vaultcore.money"), "missing")


def test_a_lazy_module_is_imported_by_its_first_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Creating it imports nothing."""
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    module = LazyModule("colorsys")

    assert "colorsys" not in sys.modules
    assert module.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)
    assert "colorsys" in sys.modules


def test_a_lazy_pattern_matches_like_a_compiled_one() -> None:
    """The methods and attributes are those of the compiled pattern, flags included."""
    pattern = lazy_pattern("a(b*)", re.IGNORECASE)

    assert [pattern.findall("xABBa"), pattern.sub("-", "xABBa")] == [["BB", ""], "x--"]
    assert (pattern.pattern, bool(pattern.fullmatch("aB"))) == ("a(b*)", True)


def test_an_error_in_a_lazy_pattern_is_raised_at_its_first_use() -> None:
    """An invalid pattern raises re.error as soon as it is used."""
    pattern = lazy_pattern("(")

    with pytest.raises(re.error):
        pattern.search("")

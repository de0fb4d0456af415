"""Virtual keys as they are stored."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from vaultcore.limits.limits import Limits
from vaultcore.limits.virtual_key import KeyToken, UnboundedInputs, VirtualKey

KEY = VirtualKey("key_1", "a key", 1.5, (KeyToken("d" * 64, "vg_…abcd"),), Limits(rpm=3, tokens=9))


@pytest.mark.parametrize("policy", ["deny", "allow", "reserve_max"])
def test_a_key_is_read_as_it_was_stored(policy: UnboundedInputs) -> None:
    """A packed key is unpacked unchanged."""
    key = replace(KEY, unbounded_inputs=policy, thresholds=(50,))

    assert VirtualKey.unpack(json.loads(json.dumps(key.pack()))) == key


def test_defaults_are_not_stored() -> None:
    """Settings that older versions do not know are stored only if they are set: older ones reject them."""
    assert {"unbounded_inputs", "marks"}.isdisjoint(KEY.pack())
    assert VirtualKey.unpack(KEY.pack()) == KEY

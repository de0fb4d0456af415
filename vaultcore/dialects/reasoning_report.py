"""Reports each reasoning setting once.

A dialect translates a setting in steps, and each step reports its change: a budget may first become an
effort, and the effort may then be dropped. Clients get the change that outweighs the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vaultcore.dialects import Change
from vaultcore.dialects.reasoning_effort import FIELDS

WEIGHTS = {"renamed": 0, "emulated": 0, "injected": 0, "clamped": 1, "dropped": 2, "refused": 3}
AMOUNTS = (".type", ".budget_tokens", ".max_tokens", ".effort")  # parts that stand for a whole field


def report_once(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Return the changes with the strongest one of each reasoning setting. Other changes stay as they are.

    >>> changes = [Change("thinking", "emulated", "sent an effort"), Change("thinking", "dropped", "")]
    >>> [each.kind for each in report_once(changes)]
    ['dropped']
    """
    settings = [each for each in changes if _field(each) in FIELDS]
    if len(settings) < 2:
        return tuple(changes)
    dropped = {each.path for each in settings if each.kind == "dropped"}
    strongest: dict[str, Change] = {}
    for each in settings:
        previous = strongest.get(each.path)
        if previous is None or WEIGHTS[each.kind] > WEIGHTS[previous.kind]:
            strongest[each.path] = each
    others = [each for each in changes if _field(each) not in FIELDS]
    remaining = [
        each for path, each in strongest.items() if not (path.endswith(AMOUNTS) and _field(each) in dropped)
    ]
    return (*others, *(_with_value(each, settings) for each in remaining))


def _field(change: Change) -> str:
    return change.path.partition(".")[0]


def _with_value(change: Change, settings: Sequence[Change]) -> Change:
    """Return the change with the client's value, which an earlier step may have reported."""
    values = (each.was for each in settings if each.path == change.path and each.was is not None)
    return replace(change, was=next(values, None))

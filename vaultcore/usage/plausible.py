"""Decides whether the usage that a provider reports is possible, and what to charge if it is not.

A possible usage is charged in full. The limit is physical: in each turn a model reads at most its context
window and writes at most its longest output; turns repeat after each use of a provider's tool.

    impossible   above the limit: the call is charged what was reserved for it
    unusable     a count is negative, no number, or has more than 15 digits: the call is charged an estimate
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from vaultcore.casts import cast
from vaultcore.catalog.schema import Model
from vaultcore.lazy_dataclass import dataclass
from vaultcore.money import Nanos
from vaultcore.usage import units
from vaultcore.usage.max_cost import max_cost
from vaultcore.usage.request_estimate import RequestEstimate, context_window
from vaultcore.usage.tool_charges import MAX_TOOL_USES, TOKEN_UNITS
from vaultcore.wire import MAX_COUNT, Json, Usage, are_counts, is_count

PARTS = (("prompt_tokens", "prompt_tokens_details"), ("completion_tokens", "completion_tokens_details"))
UNUSUAL = frozenset({"unusable", "billed", "tool_uses", "pictures"})
MAX_REPORTED = 16  # fields of a report that a record stores
REPORTED_TEXT = 40  # characters of a stored value that is not an ordinary number

Verdict = Literal["possible", "impossible", "unusable"]


@dataclass(frozen=True, slots=True)
class UsageBounds:
    """The bounds of a call: its estimate, and the completion tokens that admission reserved."""

    estimate: RequestEstimate
    completion: int
    is_enforced: bool = False  # a lasting limit counts the call: its output must fit the reservation

    def max_tokens(self, model: Model) -> int:
        """Return the most tokens that a call of the model can physically use."""
        return self.estimate.max_turns(model) * (context_window(model) + self._max_output(model))

    def reserved_usage(self, model: Model) -> Usage:
        """Return the tokens that were reserved for a call of the model, as far as it can use them.

        For inputs without a bound they are the most that the model can take, also if less was reserved.
        """
        prompt, completion = self._reserved_tokens(model)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }

    def reserved_cost(self, model: Model) -> Nanos | None:
        """Return the nano-dollars that `reserved_usage` costs at most; None without a price."""
        return _max_cost(self._full_estimate, *self._reserved_tokens(model), model)

    @property
    def _full_estimate(self) -> RequestEstimate:
        return replace(self.estimate, may_overshoot=False)

    def _reserved_tokens(self, model: Model) -> tuple[int, int]:
        prompt = min(self._full_estimate.max_prompt(model), context_window(model))
        return prompt, min(self.completion, self._max_output(model))

    def _max_output(self, model: Model) -> int:
        return self.estimate.choices * (model.max_output_tokens or context_window(model))


def reserved_cost(estimate: RequestEstimate, completion: int, model: Model) -> Nanos | None:
    """Return the most that a call can cost with `completion` tokens; None if the model has no price."""
    return _max_cost(estimate, estimate.max_prompt(model), completion, model)


def _max_cost(estimate: RequestEstimate, prompt: int, completion: int, model: Model) -> Nanos | None:
    tools = estimate.body if estimate.reserves_most(model) else None
    return max_cost(prompt, completion, model, images=estimate.images, tools=tools)


def is_sound(usage: Usage, model: Model) -> bool:
    """Return True for integers that add up, as in most responses: possible, with nothing to repair."""
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return (
        type(prompt) is int
        and type(completion) is int
        and prompt >= 0
        and completion >= 0
        and usage.get("total_tokens") == prompt + completion <= context_window(model)
        and UNUSUAL.isdisjoint(usage)
        and ("prompt_tokens_details" not in usage or are_counts(usage["prompt_tokens_details"], prompt))
        and (
            "completion_tokens_details" not in usage
            or are_counts(usage["completion_tokens_details"], completion)
        )
    )


def judge(usage: Usage, bounds: UsageBounds, model: Model) -> Verdict:
    """Return whether this usage is possible: see the module's docstring.

    A count of None is one that the provider has not reported, which differs from 0.
    """
    if "unusable" in usage:  # a dialect has found such a count in the provider's own format
        return "unusable"
    counts: list[Mapping[str, object]] = [usage, _object(usage.get("billed"))]
    values = [each[name] for each in counts for name, _ in PARTS if each.get(name) is not None]
    if not all(map(is_count, values)):
        return "unusable"
    limit, turns = bounds.max_tokens(model), bounds.estimate.max_turns(model)
    totals = (sum(units.parse_count(each.get(name)) or 0 for name, _ in PARTS) for each in counts)
    uses, images = usage.get("tool_uses") or {}, _object(usage.get("pictures"))
    is_possible = (
        max(totals) <= limit
        and (units.parse_count(images.get("count")) or 0) <= bounds.estimate.images
        and all(
            count <= (limit if unit.startswith(TOKEN_UNITS) else turns * MAX_TOOL_USES)
            for unit, count in uses.items()
        )
    )
    return "possible" if is_possible else "impossible"


def repair_counts(usage: Usage) -> tuple[Usage, bool]:
    """Return the usage with integer counts, and True if a detail was unusable and was dropped.

    Details keep their values: they are parts of a count, but some providers report them beside it.
    """
    repaired: Json = dict(usage)
    flags: list[bool] = []
    for name, details in PARTS:
        if isinstance(inner := repaired.get(details), dict):
            repaired[details], flag = _repair_details(inner)
            flags.append(flag)
        if (count := units.parse_count(repaired.pop(name, None))) is not None:
            repaired[name] = count
    if isinstance(billed := usage.get("billed"), dict):
        repaired["billed"] = {name: units.parse_count(count) for name, count in billed.items()}
    values = [repaired[name] for name, _ in PARTS if name in repaired]
    repaired.pop("total_tokens", None)
    if len(values) == len(PARTS):
        repaired["total_tokens"] = sum(values)
    return cast(Usage, repaired), any(flags)


def reported_counts(usage: Usage) -> Json:
    """Return the counts of an implausible usage for its record. Values that are no usual numbers are text."""
    source = usage.get("unusable")
    counts = _flat(source if isinstance(source, dict) else usage)
    return {
        name[:REPORTED_TEXT]: value if type(value) is int and 0 <= value < MAX_COUNT else f"{value:.9g}"
        for name, value in [*counts.items()][:MAX_REPORTED]
    }


def _repair_details(details: Mapping[str, object]) -> tuple[Json, bool]:
    repaired: Json = {}
    flags: list[bool] = []
    for name, value in details.items():
        if isinstance(value, dict):
            repaired[name], flag = _repair_details(value)
            flags.append(flag)
        elif not name.endswith("_tokens"):
            repaired[name] = value
        elif value is not None:
            flags.append(not is_count(value))
            repaired |= {name: units.parse_count(value)} if is_count(value) else {}
    return repaired, any(flags)


def _flat(counts: Mapping[str, object]) -> Json:
    """Return the members that are no objects, those of nested objects with the path as name."""
    flat: Json = {}
    for name, value in counts.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": inner for key, inner in _flat(value).items()}
        elif isinstance(value, int | float) and not isinstance(value, bool):
            flat[name] = value
    return flat


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}

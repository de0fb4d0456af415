"""Dataclasses that generate their methods at first use behave like those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from importlib import import_module
from typing import Any, ClassVar

import pytest

from tests.sources import modules
from vaultcore import lazy_dataclass
from vaultcore.lazy_dataclass import INIT

VARIANTS = [
    {"frozen": frozen, "slots": slots, "eq": eq}
    for frozen in (True, False)
    for slots in (True, False)
    for eq in (True, False)
]


def variant(decorator: Any, **arguments: bool) -> Any:
    """Return a class with every kind of field."""

    class Example:
        """An example."""

        kind: ClassVar[str] = "example"
        name: str
        count: int = 1
        secret: str = field(default="", repr=False)
        tags: list[str] = field(default_factory=list)
        note: str = field(default="note", compare=False)
        length: int = field(init=False)
        seen: list[str] = field(init=False, default_factory=list)

        def __post_init__(self) -> None:
            object.__setattr__(self, "length", len(self.name))

    return decorator(**arguments)(Example)


@pytest.mark.parametrize("arguments", VARIANTS)
def test_instances_are_like_those_of_the_standard_library(arguments: dict[str, bool]) -> None:
    """Values, repr, equality, copies with changes, hashes and pattern matching are the same."""
    standard, lazy = variant(dataclass, **arguments), variant(lazy_dataclass.dataclass, **arguments)
    first, second = standard("a", secret="s"), lazy("a", secret="s")

    assert repr(second) == repr(first)
    assert dataclasses.asdict(second) == dataclasses.asdict(first)
    assert (second == lazy("a", secret="s")) == (first == standard("a", secret="s"))
    assert (second == lazy("a", secret="s", note="other")) == (
        first == standard("a", secret="s", note="other")
    )
    assert second != lazy("b")
    assert dataclasses.asdict(replace(second, name="long")) == dataclasses.asdict(replace(first, name="long"))
    assert dataclasses.asdict(copy.deepcopy(second)) == dataclasses.asdict(first)
    assert second.tags is not lazy("a").tags
    assert lazy.__match_args__ == standard.__match_args__
    assert hasattr(second, "__dict__") == hasattr(first, "__dict__")
    assert (lazy.__hash__ is None) == (standard.__hash__ is None)


@pytest.mark.parametrize("arguments", VARIANTS)
def test_classes_are_like_those_of_the_standard_library(arguments: dict[str, bool]) -> None:
    """Fields, parameters, defaults and names are the same, also before the first instance."""
    standard, lazy = variant(dataclass, **arguments), variant(lazy_dataclass.dataclass, **arguments)

    assert [_describe(each) for each in fields(lazy)] == [_describe(each) for each in fields(standard)]
    assert list(inspect.signature(lazy).parameters) == list(inspect.signature(standard).parameters)
    assert (lazy.__name__, lazy.__qualname__, lazy.__doc__) == (
        standard.__name__,
        standard.__qualname__,
        standard.__doc__,
    )
    assert lazy.kind == "example"


def test_a_frozen_instance_rejects_changes() -> None:
    """Setting or deleting a field raises FrozenInstanceError, as does a new attribute."""
    value = variant(lazy_dataclass.dataclass, frozen=True, slots=True)("a")

    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'name'"):
        value.name = "b"
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'name'"):
        del value.name
    with pytest.raises(FrozenInstanceError):
        value.other = 1


def test_a_missing_argument_is_an_error() -> None:
    """A call without a required field raises TypeError and names the class and the field."""
    with pytest.raises(TypeError, match=r"Example\.__init__\(\) missing 1 required .* 'name'"):
        variant(lazy_dataclass.dataclass, slots=True)()


def test_equal_frozen_instances_have_one_hash() -> None:
    """A frozen class can be a key, and a class keeps the methods that it defines itself."""

    @lazy_dataclass.dataclass(frozen=True, slots=True)
    class Key:
        table: str
        number: int = 0

        def __repr__(self) -> str:
            return "key"

    assert {Key("a"): 1}[Key("a", 0)] == 1
    assert repr(Key("a")) == "key"


def test_a_class_statement_compiles_nothing() -> None:
    """The first instance compiles `__init__`, and nothing else."""
    lazy = variant(lazy_dataclass.dataclass, frozen=True, slots=True)
    before = _pending(lazy)
    lazy("a")

    assert before == {INIT, "__repr__", "__eq__", "__hash__", "__dataclass_fields__", "__dataclass_params__"}
    assert _pending(lazy) == before - {INIT}


def test_a_changed_copy_compiles_no_other_method() -> None:
    """`replace` and `fields` need the fields only."""
    lazy = variant(lazy_dataclass.dataclass, frozen=True, slots=True)
    replace(lazy("a"), name="b")

    assert _pending(lazy) == {"__repr__", "__eq__", "__hash__", "__dataclass_params__"}


def test_a_derived_dataclass_is_an_error() -> None:
    """A class that derives from a dataclass is refused when it is defined."""
    base = variant(lazy_dataclass.dataclass)

    with pytest.raises(TypeError, match="derives from a dataclass"):
        lazy_dataclass.dataclass()(type("Derived", (base,), {}))


def test_every_dataclass_agrees_with_the_standard_library() -> None:
    """For each class of the gateway, `__init__` has the parameters of the standard library."""
    classes = list(_classes())

    assert len(classes) > 200
    for cls in classes:
        expected = [each.name for each in fields(cls) if each.init]
        assert list(inspect.signature(cls).parameters) == expected, cls


def _classes() -> Iterator[Any]:
    for name in modules():
        if name.startswith("vaultcore.") and not name.endswith("__main__"):
            for value in vars(import_module(name)).values():
                if (
                    isinstance(value, type)
                    and value.__module__ == name
                    and hasattr(value, "__dataclass_fields__")
                ):
                    yield value


def _pending(cls: type) -> set[str]:
    return {name for name, value in vars(cls).items() if type(value).__name__ == "_Pending"}


def _describe(each: dataclasses.Field[Any]) -> tuple[object, ...]:
    return each.name, each.type, each.default, each.default_factory, each.init, each.repr, each.compare

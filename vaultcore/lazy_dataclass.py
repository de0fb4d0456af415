"""Dataclasses that generate their methods at first use.

The standard decorator compiles up to seven functions when the class statement runs: 0.7 ms for a frozen
class with slots (Python 3.11), a quarter of a start with 185 such classes. Half of these have no instance
before the first response, and few are ever compared or printed. With `dataclass` of this module, a class
statement takes 0.03 ms. The first instance compiles `__init__` (0.1 ms); the first comparison, hash or
repr lets the standard library generate the rest.

Type checkers see the standard decorator. Nothing here uses `order`, `kw_only`, `InitVar`, or dataclasses that
derive from others, so this decorator does not support them.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, FrozenInstanceError
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, cast

INIT, FIELDS = "__init__", "__dataclass_fields__"
COMPARISON = ("__eq__", "__hash__")
DESCRIBED = ("__module__", "__qualname__", "__doc__", "__annotations__", "__repr__", *COMPARISON)


class _Declaration(NamedTuple):
    """A class body's fields, the defaults of some, and the decorator's arguments."""

    names: tuple[str, ...]
    defaults: Mapping[str, Any]
    frozen: bool
    eq: bool


class _Pending:
    """Stands in for a generated attribute until its first use, which replaces it."""

    __slots__ = ("_declaration", "_name", "_owner")

    def __init__(self, owner: type, name: str, declaration: _Declaration) -> None:
        self._owner, self._name, self._declaration = owner, name, declaration

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if self._owner.__dict__[self._name] is self:  # else another thread was faster
            if self._name == INIT:
                setattr(self._owner, INIT, _compile_init(self._owner, self._declaration))
            else:
                _generate(self._owner, self._declaration, methods=self._name != FIELDS)
        value = self._owner.__dict__[self._name]
        return value.__get__(instance, owner) if hasattr(value, "__get__") else value


def _declare(cls: type, *, frozen: bool, slots: bool, eq: bool) -> type:
    if any(hasattr(base, FIELDS) for base in cls.__bases__):
        raise TypeError(f"{cls.__qualname__} derives from a dataclass: use the standard decorator")
    annotations = inspect.get_annotations(cls)
    names = tuple(name for name, kind in annotations.items() if not kind.startswith("ClassVar"))
    defaults = {name: vars(cls)[name] for name in names if name in vars(cls)}
    declaration = _Declaration(names, defaults, frozen, eq)
    owner: Any = _with_slots(cls, names) if slots else _without_fields(cls, defaults)
    parameters = tuple(name for name in names if _is_parameter(defaults.get(name)))
    setattr(owner, "__match_args__", parameters)  # noqa: B010 - mypy refuses an assignment
    for name in (INIT, "__repr__", FIELDS, "__dataclass_params__", *(COMPARISON if eq else ())):
        if name not in cls.__dict__:
            setattr(owner, name, _Pending(owner, name, declaration))
    if eq and not frozen and "__hash__" not in cls.__dict__:
        owner.__hash__ = None
    if frozen:
        owner.__setattr__, owner.__delattr__ = _refuse_to_set, _refuse_to_delete
        if slots:  # as in the standard library, so that instances can be copied
            owner.__getstate__, owner.__setstate__ = _values, _set_values
    return cast(type, owner)


def _with_slots(cls: type, names: tuple[str, ...]) -> type:
    """Return the same class with a slot for each field."""
    namespace = {
        name: value
        for name, value in cls.__dict__.items()
        if name not in names and name not in ("__dict__", "__weakref__")
    }
    slotted = type(cls)(cls.__name__, cls.__bases__, {**namespace, "__slots__": names})
    slotted.__qualname__ = cls.__qualname__
    return slotted


def _without_fields(cls: type, defaults: Mapping[str, Any]) -> type:
    """Return the class, whose attributes are the plain defaults of its fields."""
    for name, default in defaults.items():
        if isinstance(default, Field):
            if default.default is MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, default.default)
    return cls


def _compile_init(cls: type, declaration: _Declaration) -> Callable[..., None]:
    """Return `__init__`, which assigns each field and calls `__post_init__`."""
    scope: dict[str, Any] = {"MISSING": MISSING, "set_attribute": object.__setattr__}
    parameters, lines = ["self"], []
    for name in declaration.names:
        parameter, value = _parameter(name, declaration.defaults.get(name, MISSING), scope)
        if parameter:
            parameters.append(parameter)
        if value:
            lines.append(
                _assignment(cls, name, value, scope) if declaration.frozen else f"self.{name} = {value}"
            )
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}):\n " + "\n ".join(lines or ["pass"]), scope)  # noqa: S102
    init: Callable[..., None] = scope[INIT]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _is_parameter(default: object) -> bool:
    return not isinstance(default, Field) or default.init


def _parameter(name: str, default: Any, scope: dict[str, Any]) -> tuple[str, str]:
    """Return a field's parameter and the expression of its value. Add the names that they use to a scope."""
    is_parameter = _is_parameter(default)
    if isinstance(default, Field):
        if default.default_factory is not MISSING:
            scope[f"__new_{name}"] = default.default_factory
            if not is_parameter:
                return "", f"__new_{name}()"
            return f"{name}=MISSING", f"__new_{name}() if {name} is MISSING else {name}"
        default = default.default
    if default is MISSING:
        return (name, name) if is_parameter else ("", "")
    scope[f"__default_{name}"] = default
    return (f"{name}=__default_{name}", name) if is_parameter else ("", f"__default_{name}")


def _assignment(cls: type, name: str, value: str, scope: dict[str, Any]) -> str:
    """Return the statement that sets a field of a frozen instance. A slot's setter is the fastest way."""
    if set_slot := getattr(cls.__dict__.get(name), "__set__", None):
        scope[f"__set_{name}"] = set_slot
        return f"__set_{name}(self, {value})"
    return f"set_attribute(self, {name!r}, {value})"


def _generate(cls: type, declaration: _Declaration, *, methods: bool) -> None:
    """Replace what is pending, except `__init__`, with what the standard library generates.

    The fields alone need no compilation: 0.05 ms in place of 0.6 ms. `replace` needs nothing else.
    """
    described = {name: value for name, value in cls.__dict__.items() if name in DESCRIBED}
    own = {name: value for name, value in described.items() if not isinstance(value, _Pending)}
    standard = type(cls.__name__, (), {**own, **declaration.defaults})
    if methods:
        dataclasses.dataclass(standard, init=False, eq=declaration.eq, frozen=declaration.frozen)
    else:
        dataclasses.dataclass(standard, init=False, eq=False, repr=False)
    for name, value in tuple(cls.__dict__.items()):
        if isinstance(value, _Pending) and name != INIT and (methods or name == FIELDS):
            setattr(cls, name, standard.__dict__[name])


def _refuse_to_set(_self: object, name: str, _value: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: object, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _values(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in dataclasses.fields(self)]


def _set_values(self: Any, values: list[Any]) -> None:
    for each, value in zip(dataclasses.fields(self), values, strict=True):
        object.__setattr__(self, each.name, value)


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - exported
else:

    def dataclass(*, frozen: bool = False, slots: bool = False, eq: bool = True) -> Callable[[type], type]:
        """Return the decorator of a class whose methods are generated at first use."""
        return lambda cls: _declare(cls, frozen=frozen, slots=slots, eq=eq)

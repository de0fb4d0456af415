"""A YAML file as values that know where they stand, so that a refusal can name file, line and key."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vaultcore.errors import ConfigError

if TYPE_CHECKING:
    import yaml

MAX_BYTES = 1 << 20
MAX_DEPTH = 24
MAX_NODES = 100_000  # after aliases are followed: what a few lines can multiply to

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Part:
    """One value of a file: a scalar, a list or a mapping of parts."""

    value: Scalar | list[Part] | dict[str, Part]
    file: str
    line: int
    key: str = ""  # the path to it: `providers.groq.base_url`

    def refuse(self, message: str) -> ConfigError:
        """An error that points here."""
        return ConfigError(message, file=self.file, line=self.line, key=self.key or None)

    @staticmethod
    def hint(name: str, allowed: Collection[str]) -> str:
        """How a refusal of a misspelt name ends."""
        import difflib

        folded = {other.lower(): other for other in sorted(allowed)}
        near = difflib.get_close_matches(name.lower()[:80], folded, 1, 0.6)
        return f"; did you mean {folded[near[0]]}?" if near else ""

    def mapping(self, allowed: Collection[str] | None = None) -> Mapping[str, Part]:
        """Its entries; with `allowed`, a key that is not among them is refused."""
        if not isinstance(self.value, dict):
            raise self.refuse(f"must be a mapping, not {self._kind}")
        for name, part in self.value.items():
            if allowed is not None and name not in allowed:
                raise part.refuse(f"is not a key that is known here{self.hint(name, allowed)}")
        return self.value

    def items(self) -> list[Part]:
        """Its items, if it is a list."""
        if not isinstance(self.value, list):
            raise self.refuse(f"must be a list, not {self._kind}")
        return self.value

    def text(self) -> str:
        match self.value:
            case str() as text if text:
                return text
            case str():
                raise self.refuse("must not be empty")
            case bool() | int() | float():
                raise self.refuse(f"must be text, not {self._kind}; put it in quotes")
            case _:
                raise self.refuse(f"must be text, not {self._kind}")

    def texts(self) -> list[str]:
        """A list of texts; one text alone stands for a list of one."""
        return [item.text() for item in self.value] if isinstance(self.value, list) else [self.text()]

    def choice(self, allowed: Collection[str]) -> str:
        if (text := self.text()) not in allowed:
            raise self.refuse(f"must be one of {', '.join(sorted(allowed))}, not {_shown(text)}")
        return text

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.refuse(f"must be true or false, not {self._kind}")
        return self.value

    def whole(self, *, least: int, most: int) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool) or not least <= self.value <= most:
            raise self.refuse(f"must be a whole number from {least} to {most}")
        return self.value

    def plain(self) -> object:
        """The value as JSON would have it."""
        match self.value:
            case dict() as entries:
                return {name: part.plain() for name, part in entries.items()}
            case list() as parts:
                return [part.plain() for part in parts]
            case scalar:
                return scalar

    @property
    def _kind(self) -> str:
        match self.value:
            case None:
                return "empty"
            case bool():
                return "true or false"
            case int() | float():
                return "a number"
            case str():
                return "text"
            case list():
                return "a list"
            case _:
                return "a mapping"


def parse(data: bytes, file: str) -> Part:
    """Read one YAML document, or raise ConfigError. An empty one is an empty mapping."""
    import yaml  # only who has a file of their own pays for it

    if len(data) > MAX_BYTES:
        raise ConfigError(f"is larger than {MAX_BYTES} bytes", file=file)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8", file=file, line=data.count(b"\n", 0, error.start) + 1) from None
    loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_depth(yaml.parse(text, Loader=loader), file)
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(
            f"is not YAML: {error.problem or error.context}", file=file, line=mark.line + 1 if mark else None
        ) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise ConfigError(f"is not YAML: {str(error).splitlines()[0]}", file=file) from None
    return Part({}, file, 1) if root is None else _Builder(file).part(root, "", MAX_DEPTH)


def _check_depth(events: Iterator[object], file: str) -> None:
    """Refuse deep nesting before anything recursive sees it."""
    import yaml

    depth = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            mark = getattr(event, "start_mark", None)
            raise ConfigError("is nested too deeply", file=file, line=mark.line + 1 if mark else None)


class _Builder:
    """Turns composed nodes into parts; counts them, because an alias may stand for many."""

    def __init__(self, file: str) -> None:
        self._file, self._left = file, MAX_NODES

    def part(self, node: yaml.Node, key: str, depth: int) -> Part:
        import yaml

        self._left -= 1
        place = Part(None, self._file, node.start_mark.line + 1, key)
        if self._left < 0 or depth < 0:
            raise place.refuse("its aliases multiply without end")
        value: Scalar | list[Part] | dict[str, Part]
        match node:
            case yaml.MappingNode():
                value = self._entries(node, key, depth)
            case yaml.SequenceNode():
                value = [
                    self.part(item, f"{key}[{index}]", depth - 1) for index, item in enumerate(node.value)
                ]
            case _:
                value = self._scalar(node, place)
        return Part(value, self._file, place.line, key)

    def _entries(self, node: yaml.MappingNode, key: str, depth: int) -> dict[str, Part]:
        entries: dict[str, Part] = {}
        for name_node, value_node in node.value:
            line = name_node.start_mark.line + 1
            if not isinstance(name_node.value, str):
                raise Part(None, self._file, line, key).refuse("has a key that is not text")
            name: str = name_node.value
            path = f"{key}.{_shown(name)}" if key else _shown(name)
            if name in entries:
                raise Part(None, self._file, line, path).refuse("is there twice")
            entries[name] = replace(self.part(value_node, path, depth - 1), line=line)
        return entries

    def _scalar(self, node: yaml.Node, place: Part) -> Scalar:
        import yaml

        if node.tag.endswith((":timestamp", ":value")):
            return str(node.value)
        try:
            value: object = yaml.constructor.SafeConstructor().construct_object(node)
        except (yaml.YAMLError, ValueError):
            raise place.refuse("is no plain value") from None
        if not isinstance(value, Scalar):
            raise place.refuse("is no plain value")
        return value


def _shown(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."

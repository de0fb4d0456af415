"""Overlay files as trees of values with their positions, so that an error can name file, line and key."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from vaultcore.errors import ConfigError
from vaultcore.lazy_dataclass import dataclass

if TYPE_CHECKING:
    import yaml

MAX_BYTES = 1 << 20  # bytes of a file
MAX_DEPTH = 24  # nested lists and mappings
MAX_NODES = 100_000  # values after YAML aliases are expanded; a few lines can expand to billions

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class ConfigNode:
    """One value of a YAML file, with its position: a scalar, or a list or mapping of nodes."""

    value: Scalar | list[ConfigNode] | dict[str, ConfigNode]
    file: str
    line: int
    key: str = ""  # path in the document: `providers.groq.base_url`

    def error(self, message: str) -> ConfigError:
        """Return an error that names the position of this value."""
        return ConfigError(message, file=self.file, line=self.line, key=self.key or None)

    @staticmethod
    def hint(name: str, allowed: Collection[str]) -> str:
        """Return `; did you mean X?` for a misspelt name, or an empty string."""
        import difflib

        folded = {other.lower(): other for other in sorted(allowed)}
        near = difflib.get_close_matches(name.lower()[:80], folded, 1, 0.6)
        return f"; did you mean {folded[near[0]]}?" if near else ""

    def mapping(self, allowed: Collection[str] | None = None) -> Mapping[str, ConfigNode]:
        """Return the entries of a mapping; raise ConfigError for a key that is not in `allowed`, if given."""
        if not isinstance(self.value, dict):
            raise self.error(f"must be a mapping, not {self._kind}")
        for name, node in self.value.items():
            if allowed is not None and name not in allowed:
                raise node.error(f"is not a known key{self.hint(name, allowed)}")
        return self.value

    def items(self) -> list[ConfigNode]:
        """Return the items of a list; raise ConfigError for any other value."""
        if not isinstance(self.value, list):
            raise self.error(f"must be a list, not {self._kind}")
        return self.value

    def items_or_self(self) -> list[ConfigNode]:
        """Return the items of a list; any other value counts as a list of one."""
        return self.value if isinstance(self.value, list) else [self]

    def text(self) -> str:
        """Return a text that is not empty; raise ConfigError for any other value."""
        match self.value:
            case str() as text if text:
                return text
            case str():
                raise self.error("must not be empty")
            case bool() | int() | float():
                raise self.error(f"must be text, not {self._kind}; put it in quotes")
            case _:
                raise self.error(f"must be text, not {self._kind}")

    def texts(self) -> list[str]:
        """Return a list of texts; a single text counts as a list of one."""
        return [item.text() for item in self.items_or_self()]

    def choice(self, allowed: Collection[str]) -> str:
        """Return a text that is one of `allowed`; raise ConfigError for any other value."""
        if (text := self.text()) not in allowed:
            raise self.error(f"must be one of {', '.join(sorted(allowed))}, not {_shorten(text)}")
        return text

    def flag(self) -> bool:
        """Return true or false; raise ConfigError for any other value."""
        if not isinstance(self.value, bool):
            raise self.error(f"must be true or false, not {self._kind}")
        return self.value

    def whole(self, *, least: int, most: int) -> int:
        """Return an integer from `least` to `most`; raise ConfigError for any other value."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or not least <= self.value <= most:
            raise self.error(f"must be a whole number from {least} to {most}")
        return self.value

    def plain(self) -> object:
        """Return the value as plain JSON."""
        match self.value:
            case dict() as entries:
                return {name: node.plain() for name, node in entries.items()}
            case list() as items:
                return [item.plain() for item in items]
            case scalar:
                return scalar

    @property
    def _kind(self) -> str:
        """Return what the value is, in an operator's words."""
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


def parse(data: bytes, file: str) -> ConfigNode:
    """Return the root of one YAML document; raise ConfigError. An empty document is an empty mapping.

    https://yaml.org/spec/1.1/
    """
    import yaml  # imported only when an overlay is used: cold starts without one skip it

    if len(data) > MAX_BYTES:
        raise ConfigError(f"is larger than {MAX_BYTES} bytes; split or shorten it", file=file)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            "is not UTF-8 text", file=file, line=data.count(b"\n", 0, error.start) + 1
        ) from None
    loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_depth(yaml.parse(text, Loader=loader), file)
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(
            f"is not valid YAML: {error.problem or error.context}",
            file=file,
            line=mark.line + 1 if mark else None,
        ) from None
    except yaml.YAMLError as error:  # a control character
        raise ConfigError(f"is not valid YAML: {str(error).splitlines()[0]}", file=file) from None
    return ConfigNode({}, file, 1) if root is None else _NodeBuilder(file).build(root, "", MAX_DEPTH)


def _check_depth(events: Iterator[object], file: str) -> None:
    """Raise ConfigError for deep nesting, before a recursive function reads the document."""
    import yaml

    depth = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            mark = getattr(event, "start_mark", None)
            raise ConfigError(
                f"is nested more than {MAX_DEPTH} levels deep",
                file=file,
                line=mark.line + 1 if mark else None,
            )


class _NodeBuilder:
    """Builds config nodes from composed YAML nodes, and counts them: an alias may expand to many."""

    def __init__(self, file: str) -> None:
        self._file, self._budget = file, MAX_NODES

    def build(self, node: yaml.Node, key: str, depth: int) -> ConfigNode:
        """Return the config node of a YAML node at path `key`, with at most `depth` levels below."""
        import yaml

        self._budget -= 1
        here = ConfigNode(None, self._file, node.start_mark.line + 1, key)
        if self._budget < 0 or depth < 0:
            raise here.error(f"expands to more than {MAX_NODES} values; use fewer YAML aliases")
        value: Scalar | list[ConfigNode] | dict[str, ConfigNode]
        match node:
            case yaml.MappingNode():
                value = self._entries(node, key, depth)
            case yaml.SequenceNode():
                value = [
                    self.build(item, f"{key}[{index}]", depth - 1) for index, item in enumerate(node.value)
                ]
            case _:
                value = self._scalar(node, here)
        return ConfigNode(value, self._file, here.line, key)

    def _entries(self, node: yaml.MappingNode, key: str, depth: int) -> dict[str, ConfigNode]:
        entries: dict[str, ConfigNode] = {}
        for name_node, value_node in node.value:
            line = name_node.start_mark.line + 1
            if not isinstance(name_node.value, str):
                raise ConfigNode(None, self._file, line, key).error(
                    "has a key that is not text; put the key in quotes"
                )
            name: str = name_node.value
            path = f"{key}.{_shorten(name)}" if key else _shorten(name)
            if name in entries:
                raise ConfigNode(None, self._file, line, path).error("is set twice; remove one of them")
            entries[name] = replace(self.build(value_node, path, depth - 1), line=line)
        return entries

    def _scalar(self, node: yaml.Node, here: ConfigNode) -> Scalar:
        import yaml

        if node.tag.endswith((":timestamp", ":value")):
            return str(node.value)
        try:
            value: object = yaml.constructor.SafeConstructor().construct_object(node)
        except (yaml.YAMLError, ValueError):
            raise here.error("is not a plain value; write text, a number, true or false") from None
        if not isinstance(value, Scalar):
            raise here.error("is not a plain value; write text, a number, true or false")
        return value


def _shorten(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."

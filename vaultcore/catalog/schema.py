"""What providers exist, what they speak and what their models can do and cost: frozen rows, no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any, Literal

ModelType = Literal["text", "image", "hybrid", "embedding"]
Strategy = Literal["priority", "weighted", "cheapest"]
Framing = Literal["sse", "eventstream"]
Reasoning = Literal["effort", "object", "thinking", "switch"]  # dialects/effort.py
Scheme = Literal["header", "sigv4"]
TOKENS = (  # the units of a Price that are tokens
    *("input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning"),
    *("audio_input", "audio_output", "audio_cache_read"),
    *("image_input", "image_output", "image_cache_read"),
    *("video_input", "video_output"),
)


@dataclass(frozen=True, slots=True)
class Auth:
    """How a provider wants its key: the header's name and what stands before the key in it.

    With `sigv4` a key that is a pair, `ID:SECRET` or `ID:SECRET:TOKEN`, does not travel: it signs.
    """

    header: str = "authorization"
    prefix: str = "Bearer "
    scheme: Scheme = "header"
    service: str = ""  # of AWS, as it is signed for
    region: str = ""  # likewise; may hold a placeholder of the base URL's


@dataclass(frozen=True, slots=True)
class Offer:
    """How a provider makes embeddings or images: of which models, in which format, and where."""

    format: str  # a module of vaultcore.media
    path: str  # below the base URL; {model} stands for the model's name, {+model} for one with slashes
    when: tuple[str, ...] = ()  # only of models whose name holds one of these
    strip: tuple[str, ...] = ()  # endings of the base URL that the path does not go on from
    auth: Auth | None = None  # None: the provider's own
    hosts: tuple[str, ...] = ()  # other hosts of its that may be asked for an answer; `.x.y`: those below x.y
    batch: int = 1  # most inputs or pictures of one request
    tokens: bool = False  # embeds token arrays too
    gives: Literal["url", "b64_json"] | None = None  # the one form its pictures have; None: as asked for
    size: Literal["size", "pixels", "ratio"] = "size"
    step: int = 1  # sides in pixels are multiples of it
    ratios: tuple[str, ...] = ()
    scales: Mapping[str, int] = field(default_factory=dict)  # its word for a size: pixels of 1:1's side
    rename: Mapping[str, str] = field(default_factory=dict)  # fields, ours -> theirs
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # of a field: ours -> theirs
    drop: frozenset[str] = frozenset()  # fields it can do without
    refuse: frozenset[str] = frozenset()  # fields that it has no equal for
    defaults: Mapping[str, Any] = field(default_factory=dict)  # sent where the request is silent


@dataclass(frozen=True, slots=True)
class Provider:
    """One row of providers.yaml: who, where, and how its requests differ from its dialect's."""

    name: str  # lower case, as in `openai/gpt-4o`
    base_url: str  # no trailing slash
    title: str = ""  # as people write it: "OpenAI"
    dialect: str = "openai"
    also: frozenset[str] = frozenset()  # other dialects that it serves all its models in
    framing: Framing = "sse"
    auth: Auth = Auth()
    env: tuple[str, ...] = ()  # environment variables its own SDK reads the key from, first is preferred
    prefixes: tuple[str, ...] = ()  # model names that begin so are served here
    aliases: tuple[str, ...] = ()  # other names a vault may have it under, in lower case
    static_models: tuple[str, ...] = ()
    models_path: str | None = "/models"
    fallback_order: int = 1_000
    headers: Mapping[str, str] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)  # top-level request fields, ours -> theirs
    drop: frozenset[str] = frozenset()  # top-level request fields it refuses
    defaults: Mapping[str, Any] = field(default_factory=dict)  # sent where the request is silent
    roles: Mapping[str, str] = field(default_factory=lambda: {"developer": "system"})  # ours -> theirs
    flatten: bool = False  # content is one string there, no list of parts
    clamp: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # a field's least and most
    max_stop: int | None = None  # stop sequences it takes
    formats: tuple[str, ...] | None = None  # types of response_format it takes; None: all
    tool_choices: tuple[str, ...] | None = None  # likewise of tool_choice
    reasoning: Reasoning | None = None  # how it is told to think; None: as the client says it
    replay: str | None = None  # where it wants earlier reasoning back; "none": nowhere; None: where it was
    keeps: tuple[str, ...] = ()  # what only some understand, and it does: see dialects/foreign.py
    functions: bool = False  # it takes `functions`, which came before tools, as they are
    think_tags: bool = False  # its reasoning stands in the text, between <think> and </think>
    local: bool = False  # may be plain http on loopback; needs no key
    keyless: bool | None = None  # may be called without a key in the vault; None: where it is local
    placeholders: Mapping[str, str] = field(default_factory=dict)  # `{name}` in base_url -> its variables
    listed: bool = True  # False: model names there are the operator's own, so no bare name leads there
    embeddings: tuple[Offer, ...] | None = None  # the first that fits; None: as its dialect has
    images: tuple[Offer, ...] | None = None

    def __post_init__(self) -> None:
        if not self.title:
            object.__setattr__(self, "title", self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name its keys may stand under in a vault."""
        return (self.name, *self.aliases)

    @property
    def missing(self) -> tuple[str, ...]:
        """Placeholders of its address that nobody has filled: such a provider cannot be called."""
        address = self.base_url + self.auth.region
        if "{" not in address:
            return ()
        return tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(address) if name))


@dataclass(frozen=True, slots=True)
class Price:
    """Nano-dollars per million of each unit. `None`: counted as another unit, which usage/units.py names."""

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None  # for as long as caches usually last
    cache_write_1h: int | None = None
    reasoning: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    audio_cache_read: int | None = None
    image_input: int | None = None
    image_output: int | None = None
    image_cache_read: int | None = None
    video_input: int | None = None
    video_output: int | None = None
    request: int | None = None  # of million requests; None: a request as such costs nothing
    pictures: Mapping[str, int] = field(default_factory=dict, hash=False)  # of million pictures, by kind


@dataclass(frozen=True, slots=True)
class Tier:
    """Another price, in force once the prompt has more than `above` tokens."""

    above: int
    price: Price


@dataclass(frozen=True, slots=True)
class Service:
    """Another price, in force where the answer names this service tier: flex, priority, fast, batch."""

    name: str
    price: Price
    tiers: tuple[Tier, ...] = ()


@dataclass(frozen=True, slots=True)
class Hours:
    """Another price, in force from one minute of the day until another, UTC; midnight may lie between."""

    begin: int
    end: int
    price: Price
    tiers: tuple[Tier, ...] = ()

    def hold(self, at: float) -> bool:
        """Whether they are in force at a time in seconds since 1970."""
        minute = int(at // 60) % 1_440
        if self.begin <= self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model can do; None where nobody has said. TRANSLATION's table names the same columns."""

    vision: bool | None = None
    tools: bool | None = None
    parallel_tools: bool | None = None
    forced_tool_use: bool | None = None
    structured_output: bool | None = None
    prefill: bool | None = None
    sampling_params: bool | None = None
    thinking: Literal["none", "budget", "adaptive", "always"] | None = None
    effort_levels: tuple[str, ...] = ()
    mid_conversation_system: bool | None = None
    prompt_cache: bool | None = None
    system: bool | None = None  # knows instructions apart from the conversation
    streamed_tools: bool | None = None  # streams an answer that may call tools


@dataclass(frozen=True, slots=True)
class Model:
    """A model as one provider serves it."""

    name: str  # the provider's own name for it
    type: ModelType = "text"
    context_window: int | None = None  # tokens
    max_output_tokens: int | None = None
    price: Price | None = None
    tiers: tuple[Tier, ...] = ()
    services: tuple[Service, ...] = ()
    hours: tuple[Hours, ...] = ()
    capabilities: Capabilities = Capabilities()
    dialect: str | None = None  # the one it answers in, where that is not its provider's


@dataclass(frozen=True, slots=True)
class Target:
    """A provider and its model: one place a request can go to."""

    provider: Provider
    model: Model
    weight: int = 1

    @property
    def name(self) -> str:
        return f"{self.provider.name}/{self.model.name}"

    @property
    def dialect(self) -> str:
        """What a request to it is translated to."""
        return self.model.dialect or self.provider.dialect

    def speaks(self, dialect: str) -> bool:
        """Whether a request in that dialect can go to it as it is."""
        return dialect == self.dialect or dialect in self.provider.also


@dataclass(frozen=True, slots=True)
class Route:
    """A model name as clients know it, and its ordered targets: the first is primary, the rest fallbacks."""

    name: str
    targets: tuple[Target, ...]
    strategy: Strategy = "priority"

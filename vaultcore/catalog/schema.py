"""Providers, models, prices and routes as frozen dataclasses.

The fields of `Provider` and `MediaOffer` are the columns of providers.yaml and of overlay files: name, type,
default and meaning of a column are declared here and nowhere else. columns.py describes their metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, replace
from string import Formatter
from typing import Any, Literal

from vaultcore.lazy_dataclass import dataclass

ModelType = Literal["text", "image", "hybrid", "embedding", "moderation"]
Strategy = Literal["priority", "weighted", "cheapest"]
Framing = Literal["sse", "eventstream"]
# See dialects/reasoning_effort.py.
Reasoning = Literal["effort", "object", "thinking", "adaptive", "switch", "template"]
Scheme = Literal["header", "sigv4"]
CacheMarks = Literal["client", "auto"]
# The dialects, and how a base URL of each may end in files of the original VaultEdge (TypeScript).
ENDPOINTS: Mapping[str, tuple[str, ...]] = {
    "openai": ("/chat/completions",),
    "anthropic": ("/messages",),
    "cohere": ("/chat/completions", "/chat"),
    "mistral": ("/chat/completions",),
    "responses": ("/responses",),
    "gemini": (),
    "bedrock": (),
}
DIALECTS = tuple(ENDPOINTS)
ROLES = ("system", "developer", "user", "assistant", "tool")
RESPONSE_FORMATS = ("text", "json_object", "json_schema")
TOOL_CHOICES = ("auto", "none", "required", "function", "allowed_tools")
EXTENSIONS = ("cache_control", "prompt_cache_breakpoint", "extra_content", "is_error")
# Patterns of headers of Anthropic's API that say who pays or who calls: a client must not choose them.
OPERATOR_HEADERS = (
    *("anthropic-workspace*", "anthropic-organization*", "anthropic-user-profile*", "anthropic-admin*"),
    *("anthropic-*key", "anthropic-*token", "anthropic-*secret", "anthropic-auth*", "anthropic-*credential*"),
)
THINKING_CONFLICTS = ("forced_tools", "unreasoned_calls")  # see dialects/thinking_conflicts.py
REPLAY_FIELDS = ("reasoning_content", "reasoning", "reasoning_details", "none")


@dataclass(frozen=True, slots=True)
class Auth:
    """How a provider receives its key: the header's name and the text before the key in it.

    With `sigv4` a key of the form `ID:SECRET` or `ID:SECRET:TOKEN` signs the request and is not sent.
    """

    header: str = "authorization"
    prefix: str = "Bearer "
    scheme: Scheme = "header"
    service: str = ""  # AWS service name in the signature
    region: str = ""  # AWS region in the signature; may contain a placeholder of the base URL


@dataclass(frozen=True, slots=True)
class MediaOffer:
    """How a provider serves a media API: for which models, in which format, at which path."""

    format: str  # a module of vaultcore.media
    # Below the base URL. {model} stands for the model's name, {+model} for a name with slashes.
    path: str = field(metadata={"format": "media path"})
    edits: str = field(default="", metadata={"format": "media path"})  # path of image edits; "": none
    when: tuple[str, ...] = ()  # applies to models whose name contains one of these; empty: to all
    strip: tuple[str, ...] = ()  # endings to remove from the base URL before the path is added
    auth: Auth | None = field(default=None, metadata={"format": "auth"})  # None: the provider's
    # Other hosts from which a result may be fetched; a leading dot includes subdomains.
    hosts: tuple[str, ...] = field(default=(), metadata={"format": "hosts"})
    batch: int = field(default=1, metadata={"range": (1, 10_000)})  # most inputs or images per request
    tokens: bool = False  # accepts arrays of tokens as input for embeddings
    gives: Literal["url", "b64_json"] | None = None  # the only form of its images; None: as requested
    size: Literal["size", "pixels", "ratio"] = "size"  # how the image size is sent
    step: int = field(default=1, metadata={"range": (1, 256)})  # width and height are multiples, in pixels
    ratios: tuple[str, ...] = field(default=(), metadata={"format": "ratios"})  # aspect ratios it accepts
    # The provider's word for a size -> the side of a square image of that size, in pixels.
    scales: Mapping[str, int] = field(default_factory=dict, metadata={"range": (64, 65_536)})
    rename: Mapping[str, str] = field(default_factory=dict)  # request field -> the provider's name for it
    values: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict
    )  # field -> value -> provider's value
    drop: frozenset[str] = frozenset()  # request fields to omit, which the provider does not need
    refuse: frozenset[str] = frozenset()  # request fields to reject, because the provider has no equivalent
    defaults: Mapping[str, Any] = field(default_factory=dict)  # sent if the request does not set the field


@dataclass(frozen=True, slots=True)
class Provider:
    """One row of providers.yaml: a provider's address, and how its requests differ from its dialect's."""

    name: str  # lower case, as in `openai/gpt-4o`
    base_url: str  # no trailing slash; may contain {placeholders}
    title: str = ""  # for display: "OpenAI"; empty: the name
    telemetry_name: str = ""  # gen_ai.provider.name in OpenTelemetry spans; empty: the name
    dialect: str = field(default="openai", metadata={"choices": DIALECTS})
    # Other dialects in which it serves all its models.
    also: frozenset[str] = field(default=frozenset(), metadata={"choices": DIALECTS})
    compacts: bool = False  # compacts conversations of the Responses API itself
    framing: Framing = "sse"  # of streams
    auth: Auth = field(default=Auth(), metadata={"format": "auth", "alias": "authScheme"})
    # Environment variables from which its own SDK reads the key, the preferred one first.
    env: tuple[str, ...] = field(default=(), metadata={"format": "variables"})
    # Model names that begin with one of these are routed here.
    prefixes: tuple[str, ...] = field(default=(), metadata={"format": "prefixes", "alias": "modelPrefixes"})
    # Other names in a vault or a request, in lower case.
    aliases: tuple[str, ...] = field(default=(), metadata={"format": "provider names"})
    static_models: tuple[str, ...] = ()  # model ids to list besides those of models.json
    # Where it lists its models, below base_url; None: nowhere.
    models_path: str | None = field(
        default="/models", metadata={"format": "models path", "alias": "modelsUrl"}
    )
    # Preference among providers that list the same model; the lowest comes first.
    fallback_order: int = field(default=1_000, metadata={"range": (0, 1_000_000)})
    headers: Mapping[str, str] = field(default_factory=dict, metadata={"format": "headers"})
    # Patterns of headers that a client cannot set, though its API forwards headers like them.
    operator_headers: tuple[str, ...] = OPERATOR_HEADERS
    rename: Mapping[str, str] = field(default_factory=dict)  # top-level request field -> provider's name
    drop: frozenset[str] = frozenset()  # top-level request fields that it rejects
    defaults: Mapping[str, Any] = field(default_factory=dict)  # sent if the request does not set the field
    # Role of a message -> the provider's role.
    roles: Mapping[str, str] = field(
        default_factory=lambda: {"developer": "system"}, metadata={"choices": ROLES}
    )
    flatten: bool = False  # requires text content as a string instead of a list of parts
    # Numeric request field -> least and greatest value.
    clamp: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    max_stop: int | None = field(default=None, metadata={"range": (1, 1_000)})  # stop sequences; None: any
    # Types of response_format that it accepts; None: all.
    formats: tuple[str, ...] | None = field(default=None, metadata={"choices": RESPONSE_FORMATS})
    parallel_without_tools: bool = False  # accepts `parallel_tool_calls` in a request without tools
    flat_schema: bool = False  # expects the schema of a response format beside its type, without a name
    # Forms of tool_choice that it accepts; None: all.
    tool_choices: tuple[str, ...] | None = field(default=None, metadata={"choices": TOOL_CHOICES})
    reasoning: Reasoning | None = None  # how it is asked to reason; None: as the client writes it
    # Part of a model's name, "" for all -> its effort levels, "low medium high", if the model table has none.
    efforts: Mapping[str, str] = field(default_factory=dict)
    # Models, by parts of their names, whose reasoning `reasoning: {"enabled": false}` disables.
    reasoning_switch: tuple[str, ...] = ()
    # Message field in which it takes earlier reasoning; "none": it takes none; None: the client's field.
    replay: str | None = field(default=None, metadata={"choices": REPLAY_FIELDS})
    # What it rejects while a model reasons.
    thinking_rejects: tuple[str, ...] = field(default=(), metadata={"choices": THINKING_CONFLICTS})
    # Non-standard fields that it understands, see dialects/vendor_fields.py.
    keeps: tuple[str, ...] = field(default=(), metadata={"choices": EXTENSIONS})
    # "auto": the gateway places cache marks for clients that send none, see dialects/cache_marks.py.
    cache: CacheMarks = "client"
    # Models whose name contains one of these accept `web_search_options`; "*" stands for all models.
    web_search: tuple[str, ...] = ()
    # Models whose name begins with one of these take tools while they reason only at `/responses`.
    tools_at_responses: tuple[str, ...] = ()
    # Models whose name begins with one of these search the web only at `/responses`.
    search_at_responses: tuple[str, ...] = ()
    functions: bool = False  # accepts the legacy fields `functions` and `function_call`
    think_tags: bool = False  # its reasoning is in the text, between <think> and </think>
    local: bool = False  # a server on this machine: plain http on loopback is allowed, and no key is needed
    # True: callable without a key in the vault; None: as `local`. A row may name an environment variable.
    keyless: bool | None = field(default=None, metadata={"format": "flag or variable"})
    # Placeholder of base_url -> environment variables with its value, the first that is set.
    placeholders: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict, metadata={"format": "placeholders"}
    )
    # Placeholder of base_url -> its value; takes precedence over the environment.
    params: Mapping[str, str] = field(default_factory=dict, metadata={"format": "params"})
    # False: its model names are the operator's own, so names without a provider are not routed here.
    listed: bool = True
    # Former base URLs that no longer work. A file that sets one gets the current base_url and auth.
    superseded: tuple[str, ...] = ()
    embeddings: tuple[MediaOffer, ...] | None = (
        None  # the first that fits applies; None: the dialect's default
    )
    images: tuple[MediaOffer, ...] | None = None  # likewise

    def __post_init__(self) -> None:
        if not self.title:
            object.__setattr__(self, "title", self.name)
        if not self.telemetry_name:
            object.__setattr__(self, "telemetry_name", self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """Return all names under which a vault may store its keys."""
        return (self.name, *self.aliases)

    @property
    def missing_params(self) -> tuple[str, ...]:
        """Return the placeholders without a value; a provider that has any cannot be called."""
        address = self.base_url + self.auth.region
        if "{" not in address:
            return ()
        return tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(address) if name))


@dataclass(frozen=True, slots=True)
class Price:
    """Nano-dollars per million of each unit. None: counted as another unit, see usage/units.py."""

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None  # for the default lifetime of a cache entry
    cache_write_1h: int | None = None  # for a lifetime of one hour
    reasoning: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    audio_cache_read: int | None = None
    image_input: int | None = None
    image_output: int | None = None
    image_cache_read: int | None = None
    video_input: int | None = None
    video_output: int | None = None
    request: int | None = None  # per million requests; None: no fee per request
    # Per million images, by size and quality: "1024x1024/hd"; "" is the default.
    pictures: Mapping[str, int] = field(default_factory=dict, hash=False)


TOKENS = tuple(unit.name for unit in fields(Price) if unit.name not in {"request", "pictures"})  # token units


# Units of the tools that providers run themselves. usage/tool_charges.py lists the tools of each.
TOOL_UNITS = (
    *("web_search", "grounded_prompt", "x_search", "search_source", "visit_website", "web_fetch"),
    *("file_search", "attachment_search", "maps_grounding", "code_execution", "code_call"),
    "image_generation",
)


@dataclass(frozen=True, slots=True)
class PriceTier:
    """The price of a request whose prompt has more than `above` tokens."""

    above: int
    price: Price


@dataclass(frozen=True, slots=True)
class ServiceTier:
    """The price of a response that names this service tier: flex, priority, fast, scale or batch."""

    name: str
    price: Price
    tiers: tuple[PriceTier, ...] = ()


@dataclass(frozen=True, slots=True)
class HourlyPrice:
    """The price during some hours of each day, in UTC. The span may include midnight."""

    begin: int  # minute of the day, inclusive
    end: int  # minute of the day, exclusive
    price: Price
    tiers: tuple[PriceTier, ...] = ()

    def applies(self, at: float) -> bool:
        """Return True if the price is in force at `at`, seconds since the epoch."""
        minute = int(at // 60) % 1_440
        if self.begin <= self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The capabilities of a model; None if unknown. tools/model_facts.csv uses the same names."""

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
    system: bool | None = None  # accepts system instructions
    streamed_tools: bool | None = None  # streams responses with tool calls


@dataclass(frozen=True, slots=True)
class Model:
    """A model as one provider serves it."""

    name: str  # the provider's name for it
    type: ModelType = "text"
    context_window: int | None = None  # tokens
    max_output_tokens: int | None = None
    price: Price | None = None
    tiers: tuple[PriceTier, ...] = ()
    services: tuple[ServiceTier, ...] = ()
    hours: tuple[HourlyPrice, ...] = ()
    # Nano-dollars per million uses of the provider's own tools, by unit: TOOL_UNITS and variants of them,
    # `code_execution:4g`, and tokens of a model that a tool runs, `image_tool_output:gpt-image-2`.
    tool_prices: Mapping[str, int] = field(default_factory=dict, hash=False)
    own_tools: tuple[str, ...] = ()  # units of tools that it uses without a request for them
    # Region that ran the model -> percent of the token prices. Regions that are not listed: 100.
    regions: Mapping[str, int] = field(default_factory=dict, hash=False)
    capabilities: Capabilities = Capabilities()
    dialect: str | None = None  # None: the provider's


@dataclass(frozen=True, slots=True)
class Target:
    """A provider and one of its models."""

    provider: Provider
    model: Model
    weight: int = 1
    cache: CacheMarks | None = None  # as the route sets it; None: as the provider's row

    @property
    def adds_cache_marks(self) -> bool:
        """Return True if the gateway places cache marks for clients that send none."""
        return (self.cache or self.provider.cache) == "auto"

    @property
    def takes_web_search(self) -> bool:
        """Return True if the model is known to search the web for `web_search_options`."""
        return any(part == "*" or part in self.model.name for part in self.provider.web_search)

    @property
    def name(self) -> str:
        return f"{self.provider.name}/{self.model.name}"

    @property
    def dialect(self) -> str:
        """Return the dialect into which requests are translated."""
        return self.model.dialect or self.provider.dialect

    def for_dialect(self, dialect: str) -> Target:
        """Return this target with requests translated into `dialect`."""
        return replace(self, model=replace(self.model, dialect=dialect))

    def accepts_dialect(self, dialect: str) -> bool:
        """Return True if a request in `dialect` can be sent without translation."""
        return dialect == self.dialect or dialect in self.provider.also


@dataclass(frozen=True, slots=True)
class Route:
    """A model name of the gateway and its targets in order: the primary, then the fallbacks."""

    name: str
    targets: tuple[Target, ...]
    strategy: Strategy = "priority"
    cache: CacheMarks | None = None  # None: as the rows of its providers; its targets have the same value

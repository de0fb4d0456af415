"""The operator's settings, read once from environment variables. docs/settings.md lists them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from urllib.parse import unquote

from vaultcore.errors import ConfigError
from vaultcore.lazy_dataclass import dataclass

MAX_WORKERS = 256
MIN_ADMIN_KEY = 32  # characters; shorter keys can be guessed
STRATEGIES = ("default", "priority", "cheapest")
URL = re.compile(r"https?://[^\s/@?#]+(?:/[^\s@?#]*)?", re.ASCII)
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/@?#,]+", re.ASCII)
FIELD = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+", re.ASCII)  # header names in lower case
UNKNOWN_PRICE = re.compile(r"deny|free|\d{1,6}(?:\.\d{1,9})?/\d{1,6}(?:\.\d{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts of one attempt, in seconds."""

    connect: float = 3.0
    first_token: float = 30.0  # of a stream: from the request to the first chunk
    idle: float = 60.0  # between two chunks of a stream
    total: float = 60.0  # of a buffered response
    stream: float = 900.0  # of a whole stream; the maximum of API Gateway


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. The repr does not contain secrets."""

    home: Path = Path("~/.vaultedge")  # directory of the local vault, keys and store
    host: str = "127.0.0.1"
    port: int = 8787
    workers: int = 0  # processes of `serve`; 0: one per core, see vaultcore.cli.workers.count
    vault: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    system_key: str | None = field(default=None, repr=False)
    admin_key: str | None = field(default=None, repr=False)
    vault_secret: str | None = None  # this and the next three: names of Secrets Manager secrets
    password_secret: str | None = None
    system_key_secret: str | None = None
    admin_key_secret: str | None = None
    pepper: str | None = field(default=None, repr=False)  # HMAC key for virtual keys and signed records
    pepper_secret: str | None = None
    store: str = "memory:"  # or sqlite:PATH, dynamodb:TABLE
    owed_queue: str | None = None  # URL of an SQS queue for settlements that the store did not accept
    degraded: int = (
        0  # instances that share the rates while the store is unavailable; 0: requests are rejected then
    )
    heartbeat: float = 15.0  # seconds between SSE keep-alive comments
    integration: float = 29.0  # seconds that API Gateway waits for a buffered response
    keep_content: float = 0.0  # seconds for which encrypted prompts and responses are stored; 0: never
    lease: float = 960.0  # seconds until the reservation of a request that was never settled ends
    alert_topic: str | None = None  # ARN of an SNS topic
    alert_webhook: str | None = field(default=None, repr=False)  # a URL, which may contain a secret
    alert_webhook_secret: str | None = field(default=None, repr=False)
    providers_file: Path | None = None
    unknown_price: str = (
        "deny"  # for models without a price: deny, free or INPUT/OUTPUT, see usage/unknown_price.py
    )
    strategy: str = "default"
    max_retries: int = 3
    max_key_retries: int = 2
    backoff: float = 0.2  # seconds
    timeouts: Timeouts = Timeouts()
    breaker_threshold: int = 5  # consecutive failures that open a circuit; 0: no circuit breakers
    max_body: int = 5_500_000  # bytes of a request body
    query_keys: bool | None = None  # accept virtual keys as `?key=` on /v1beta; None: if served on loopback
    debug: bool = False
    log_level: str = "INFO"
    cors_origins: tuple[str, ...] | None = None  # of browser pages; None: the default of how it is served
    function: str | None = None  # name of the Lambda function, if the process is one
    metrics: str = "off"  # off, or emf: lines on stdout for CloudWatch
    metrics_namespace: str = "VaultEdge"
    otlp_endpoint: str | None = None  # URL of an OpenTelemetry collector, without /v1/traces
    otlp_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    service_name: str = "vaultedge"
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)  # fills placeholders of the catalog

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Return the settings of the environment variables.

        Raises ConfigError that names the invalid variable.
        """
        read = _EnvironReader(environ)
        settings = _read_telemetry(_read_calls(_read_storage(_read_secrets(read), read), read), read)
        return replace(settings, environ=environ)


@dataclass(frozen=True, slots=True)
class _EnvironReader:
    """Reads variables. Unset and blank variables have the default; an invalid value raises ConfigError."""

    environ: Mapping[str, str]

    def optional(self, name: str) -> str | None:
        return self.environ.get(name, "").strip() or None

    def text(self, name: str, default: str) -> str:
        return self.optional(name) or default

    def number(self, name: str, default: int, *, most: int, least: int = 0) -> int:
        text = self.optional(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
            raise ConfigError(f"must be a whole number from {least} to {most}, not {text!r}", key=name)
        return int(text)

    def millis(self, name: str, default: int, *, least: int = 0) -> float:
        """Return seconds; the variable and `default` are in milliseconds."""
        return self.number(name, default, most=86_400_000, least=least) / 1_000

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """Return one of `allowed`; the first is the default. Case is ignored."""
        text = self.optional(name)
        if text is None:
            return allowed[0]
        for value in allowed:
            if text.lower() == value.lower():
                return value
        raise ConfigError(f"must be one of {', '.join(allowed)}, not {text!r}", key=name)

    def price(self, name: str) -> str:
        text = self.text(name, "deny").lower()
        if not UNKNOWN_PRICE.fullmatch(text):
            raise ConfigError(
                f"must be deny, free, or US dollars per million tokens like 2/10, not {text!r}", key=name
            )
        return text

    def url(self, name: str) -> str | None:
        text = self.optional(name)
        if text is not None and not URL.fullmatch(text):
            raise ConfigError("must be an http or https URL without user name, query and fragment", key=name)
        return text

    def origins(self, name: str) -> tuple[str, ...] | None:
        """Return origins like `https://app.example.com`, `*` among them for any; () for `off`."""
        text = self.optional(name)
        if text is None:
            return None
        if text.lower() == "off":
            return ()
        origins = tuple(origin.strip().rstrip("/").lower() for origin in text.split(",") if origin.strip())
        if not all(origin == "*" or ORIGIN.fullmatch(origin) for origin in origins):
            raise ConfigError("must be off, *, or origins like https://app.example.com", key=name)
        return origins

    def pairs(self, name: str) -> Mapping[str, str]:
        """Return the pairs of `name=value,name=value` with percent-encoded values.

        The error does not quote the text, because it may contain secrets.
        """
        pairs = [pair.partition("=") for pair in self.text(name, "").split(",") if pair.strip()]
        decoded = {key.strip().lower(): unquote(value.strip()) for key, _, value in pairs}
        names = all(FIELD.fullmatch(key) and value for key, value in decoded.items())
        if not (names and all(value.isascii() and value.isprintable() for value in decoded.values())):
            raise ConfigError("must be name=value pairs of headers, separated by commas", key=name)
        return decoded

    def flag(self, name: str) -> bool:
        text = (self.optional(name) or "false").lower()
        if text not in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
            raise ConfigError(f"must be true or false, not {text!r}", key=name)
        return text in {"true", "1", "yes", "on"}


def _read_secrets(read: _EnvironReader) -> Settings:
    """Return settings with the vault, the passwords and the keys, or the names of their secrets."""
    admin_key = read.optional("VAULTEDGE_ADMIN_KEY")
    if admin_key is not None and len(admin_key) < MIN_ADMIN_KEY:
        raise ConfigError(f"must have at least {MIN_ADMIN_KEY} characters", key="VAULTEDGE_ADMIN_KEY")
    return Settings(
        vault=read.optional("VAULTEDGE_VAULT"),
        password=read.environ.get("VAULTEDGE_PASSWORD"),  # unchanged: spaces may be part of it
        system_key=read.optional("VAULTEDGE_SYSTEM_KEY"),
        admin_key=admin_key,
        vault_secret=read.optional("VAULTEDGE_VAULT_SECRET"),
        password_secret=read.optional("VAULTEDGE_PASSWORD_SECRET"),
        system_key_secret=read.optional("VAULTEDGE_SYSTEM_KEY_SECRET"),
        admin_key_secret=read.optional("VAULTEDGE_ADMIN_KEY_SECRET"),
        pepper=read.optional("VAULTEDGE_PEPPER"),
        pepper_secret=read.optional("VAULTEDGE_PEPPER_SECRET"),
    )


def _read_storage(settings: Settings, read: _EnvironReader) -> Settings:
    """Return the settings with the server's address, the store, limits of stored data and alert sinks."""
    home = Path(read.text("VAULTEDGE_HOME", "~/.vaultedge")).expanduser()
    hours = read.number("VAULTEDGE_KEEP_CONTENT", 0, most=8_784)
    return replace(
        settings,
        home=home,
        host=read.text("VAULTEDGE_HOST", "127.0.0.1"),
        port=read.number("VAULTEDGE_PORT", 8787, most=65_535),
        workers=read.number("VAULTEDGE_WORKERS", 0, most=MAX_WORKERS),
        store=read.text("VAULTEDGE_STORE", f"sqlite:{home / 'vaultedge.db'}"),
        owed_queue=read.url("VAULTEDGE_OWED_QUEUE"),
        degraded=read.number("VAULTEDGE_DEGRADED", 0, most=100_000),
        keep_content=hours * 3_600.0,
        lease=read.millis("VAULTEDGE_LEASE", 960_000),
        alert_topic=read.optional("VAULTEDGE_ALERT_TOPIC"),
        alert_webhook=read.optional("VAULTEDGE_ALERT_WEBHOOK"),
        alert_webhook_secret=read.optional("VAULTEDGE_ALERT_WEBHOOK_SECRET"),
    )


def _read_calls(settings: Settings, read: _EnvironReader) -> Settings:
    """Return the settings with providers, prices, routing, retries and timeouts."""
    return replace(
        settings,
        providers_file=Path(file) if (file := read.optional("PROVIDERS_FILE")) else None,
        unknown_price=read.price("VAULTEDGE_UNKNOWN_PRICE"),
        strategy=read.choice("VAULTEDGE_ROUTING_STRATEGY", STRATEGIES),
        max_retries=read.number("VAULTEDGE_MAX_RETRIES", 3, most=20),
        max_key_retries=read.number("VAULTEDGE_MAX_KEY_RETRIES", 2, most=20),
        backoff=read.millis("VAULTEDGE_BACKOFF_DELAY", 200),
        breaker_threshold=read.number("VAULTEDGE_BREAKER_THRESHOLD", 5, most=1_000_000),
        heartbeat=read.millis("VAULTEDGE_HEARTBEAT", 15_000, least=100),
        integration=read.millis("VAULTEDGE_INTEGRATION_TIMEOUT", 29_000, least=1_000),
        max_body=read.number("VAULTEDGE_MAX_BODY", 5_500_000, most=1 << 30),
        query_keys=read.flag("VAULTEDGE_QUERY_KEYS") if read.optional("VAULTEDGE_QUERY_KEYS") else None,
        cors_origins=read.origins("VAULTEDGE_CORS_ORIGINS"),
        timeouts=Timeouts(
            connect=read.millis("VAULTEDGE_CONNECT_TIMEOUT", 3_000),
            first_token=read.millis("VAULTEDGE_FIRST_TOKEN_TIMEOUT", 30_000),
            idle=read.millis("VAULTEDGE_IDLE_TIMEOUT", 60_000),
            total=read.millis("VAULTEDGE_TIMEOUT", 60_000),
            stream=read.millis("VAULTEDGE_STREAM_TIMEOUT", 900_000),
        ),
    )


def _read_telemetry(settings: Settings, read: _EnvironReader) -> Settings:
    """Return the settings with logs, metrics and spans. On Lambda, metrics are on by default."""
    function = read.optional("AWS_LAMBDA_FUNCTION_NAME")
    return replace(
        settings,
        debug=read.flag("VAULTEDGE_DEBUG"),
        log_level=read.choice("VAULTEDGE_LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR")),
        function=function,
        metrics=read.choice("VAULTEDGE_METRICS", ("emf", "off") if function else ("off", "emf")),
        metrics_namespace=read.text("VAULTEDGE_METRICS_NAMESPACE", "VaultEdge"),
        otlp_endpoint=read.url("OTEL_EXPORTER_OTLP_ENDPOINT"),
        otlp_headers=read.pairs("OTEL_EXPORTER_OTLP_HEADERS"),
        service_name=read.text("OTEL_SERVICE_NAME", "vaultedge"),
    )

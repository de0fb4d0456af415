"""Compile vaultcore/catalog/models.json from the package genai-prices and tools/model_facts.csv.

    python -m tools.build_models

Prices come from genai-prices, a development dependency; what models can do comes from model_facts.csv, of
which a cell is empty where nobody has said. The same input gives the same bytes. Prices that begin later than
AS_OF are left out, and where a price depends on the time of day the one at noon UTC stands: raise AS_OF
together with the package.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices import types as theirs
from genai_prices.data import providers as sources

ROOT = Path(__file__).resolve().parent.parent
FACTS = ROOT / "tools/model_facts.csv"
TARGET = ROOT / "vaultcore/catalog/models.json"

AS_OF = date(2026, 11, 21)
NOON = datetime.combine(AS_OF, time(12), UTC)
NANOS = Decimal(1_000_000_000)
KEYS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
BORROWS = {
    "azure": ["openai"],
    "gemini-compat": ["gemini"],
}  # serves that provider's models, under its own names or the same

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a provider's prices stand in genai-prices, and which of its ids are the API's own names."""

    id: str
    only: str = ""  # ids that do not match are not this API's
    names: bool = False  # also take the other names it lists for a model
    lower: bool = False  # the API's names are lower case
    before: str = ""  # what the API has in front of the id
    hosts: Mapping[str, str] = field(
        default_factory=dict
    )  # beginnings of ids -> the provider whose models they are


SOURCES: Mapping[str, Source] = {
    "anthropic": Source("anthropic", names=True),
    "openai": Source(
        "openai", only=r"(?!gpt-oss|ft:|ada$|babbage|curie|davinci|text-davinci)[^:]*", names=True
    ),
    "gemini": Source("google", only=r"(?:gemini-(?!flash-|pro-\d)|gemma-).*", names=True),
    "mistral": Source("mistral", only=r"[^:]*", names=True),
    "xai": Source("x-ai", names=True),
    "deepseek": Source("deepseek", names=True),
    "cohere": Source("cohere", names=True),
    "perplexity": Source("perplexity", only=r"sonar.*|pplx-embed.*|r1-1776"),
    "moonshot": Source("moonshotai", names=True),
    "zai": Source("zai", lower=True),
    "bigmodel": Source("zhipuai", lower=True),
    "minimax": Source("minimax"),
    "meta": Source("meta"),
    "groq": Source("groq"),
    "cerebras": Source("cerebras"),
    "together": Source("together"),
    "fireworks": Source("fireworks", before="accounts/fireworks/models/"),
    "novita": Source("novita"),
    "baseten": Source("baseten"),
    "ovhcloud": Source("ovhcloud"),
    "cloudflare": Source("cloudflare"),
    "databricks": Source("databricks"),
    "bedrock": Source("aws", hosts={"anthropic.": "anthropic"}),
    "openrouter": Source("openrouter", only=r".+/.+"),
}
FORMS: Mapping[
    str, list[str]
] = {  # what of a name says where a model is served or in which version, not which
    "bedrock": [
        r"^(?:arn:.*/|regional\.)",
        r"(?:(?<!embed-text)-v\d+)?(?::\w+)*$",
        r"-20\d{6}$",
        r"^(?:us-gov|us|eu|apac|jp|au|ca|in|sa|global)\.",
    ]
}
UNSERVED = re.compile(  # audio, moderation, ranking and reading scans are not chat, images or embeddings
    r"realtime|transcri|whisper|(?:^|[-/])tts|(?:^|[-/])live|-live|moderation|-ocr|rerank|sonic|orpheus|-voice|"
    r"\.ft-|m2m100|indictrans|distilbert",
    re.IGNORECASE,
)
EMBEDS = re.compile(r"embed|(?:^|[/-])(?:bge|gte)-", re.IGNORECASE)


def compiled() -> str:
    """The table as JSON text."""
    facts = _facts()
    vendors = {name: dict(rows) for name, rows in facts.items()}
    capabilities: list[Row] = []
    models: dict[str, dict[str, Row]] = {}
    names: dict[str, dict[str, str]] = {}
    by_id = {source.id: source for source in sources}
    for provider, source in SOURCES.items():
        hosted = _hosted(by_id, source, provider, vendors)
        known = {**hosted, **facts.pop(provider, {})}
        rows, others = _provider(by_id[source.id], source, known, capabilities, FORMS.get(provider, []))
        models[provider] = dict(sorted(rows.items()))
        if others:
            names[provider] = dict(sorted(others.items()))
    if facts:
        raise SystemExit(f"{FACTS.name} describes providers without prices: {', '.join(facts)}")
    table = {
        "borrows": BORROWS,
        "capabilities": capabilities,
        "forms": FORMS,
        "models": models,
        "names": names,
    }
    source_name = f"genai-prices {version('genai-prices')}, as of {AS_OF}"
    canonical = json.dumps({"source": source_name, **table}, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:12]
    whole = {"price_version": digest, "source": source_name, **table}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")) + "\n"


def _hosted(
    by_id: Mapping[str, theirs.Provider], source: Source, provider: str, vendors: Mapping[str, dict[str, Row]]
) -> dict[str, Row]:
    """What is known of models that another provider makes: what they can do there, they can do here."""
    found: dict[str, Row] = {}
    for model in by_id[source.id].models if source.hosts else ():
        place = re.sub(r"^(?:regional|global)\.", "", model.id)
        for before, vendor in source.hosts.items():
            name = re.sub(FORMS[provider][1], "", place.removeprefix(before))
            theirs_ = by_id[vendor].find_model(name) if place.startswith(before) else None
            if theirs_ is not None and theirs_.id in vendors[vendor]:
                known = vendors[vendor][theirs_.id]
                found[_plain(model.id, FORMS[provider])] = {
                    key: known[key] for key in ("output", "can") if key in known
                }
    return found


def _plain(name: str, forms: list[str]) -> str:
    """A name without what says only where and in which version: but for the last, the place has its price."""
    for form in forms[:-1]:
        name = re.sub(form, "", name)
    return name


def _provider(
    given: theirs.Provider,
    source: Source,
    facts: dict[str, Row],
    capabilities: list[Row],
    forms: list[str],
) -> tuple[dict[str, Row], dict[str, str]]:
    rows: dict[str, Row] = {}
    names: dict[str, str] = {}
    for model in given.models:
        plain = _plain(model.id, forms)
        if forms and (plain in rows or UNSERVED.search(plain)):
            continue  # another version of the same, or of no use
        known = facts.pop(plain, {})
        name = plain if forms else _name(model, known, given, source)
        if name is None or not (known or model_price(model).input_mtok is not None):
            continue
        if name in rows:
            raise SystemExit(f"{given.id} has two rows for {name}")
        rows[name] = {**_priced(model), **_known(known, capabilities), **_typed(name, known)}
        others = set(_names(model)) | {model.id} if source.names else set()
        names |= {other: name for other in others - {name} if given.find_model(other) is model}
    for name, known in facts.items():  # models that nobody has priced
        if not UNSERVED.search(name):
            rows[known.pop("served_as", name)] = {**_known(known, capabilities), **_typed(name, known)}
    return rows, {other: name for other, name in names.items() if other not in rows}


def _name(model: theirs.ModelInfo, known: Row, given: theirs.Provider, source: Source) -> str | None:
    """The API's own name for a model: one that genai-prices knows it by. None where it is not served."""
    wanted = not source.only or re.fullmatch(source.only, model.id) is not None
    if not wanted or UNSERVED.search(model.id):
        return None
    if "served_as" in known and given.find_model(known["served_as"]) in (model, None):
        return str(known["served_as"])
    plain = source.before + (model.id.lower() if source.lower else model.id)
    names = [plain, *([*_names(model)] if source.names else ())]
    return next((name for name in names if given.find_model(name) is model), None)


def _priced(model: theirs.ModelInfo) -> Row:
    """The row's context size and, where tokens are what is priced, its price and tiers."""
    row: Row = {"context": model.context_window} if model.context_window else {}
    prices = model_price(model)
    if prices.input_mtok is None:
        return row
    row["price"] = _price(prices, 0)
    starts = sorted({tier.start for key in KEYS for tier in _tiers(getattr(prices, key))})
    if starts:
        row["tiers"] = [[start, *_price(prices, start + 1)] for start in starts]
    return row


def model_price(model: theirs.ModelInfo) -> theirs.ModelPrice:
    """The price in force at noon of AS_OF."""
    return model.get_prices(NOON)


def _price(prices: theirs.ModelPrice, tokens: int) -> list[int | None]:
    """Nano-dollars per million tokens in the order of `Price`, without the empty end."""
    amounts = [_nanos(getattr(prices, key), tokens) for key in KEYS]
    amounts[1] = amounts[1] or 0
    while amounts[-1] is None:
        amounts.pop()
    return amounts


def _nanos(price: Decimal | theirs.TieredPrices | None, tokens: int) -> int | None:
    if price is None:
        return None
    amount = price.base if isinstance(price, theirs.TieredPrices) else price
    for tier in _tiers(price):
        if tokens > tier.start:
            amount = tier.price
    return int((amount * NANOS).to_integral_value(ROUND_HALF_EVEN))


def _tiers(price: Decimal | theirs.TieredPrices | None) -> list[theirs.Tier]:
    return price.tiers if isinstance(price, theirs.TieredPrices) else []


def _names(model: theirs.ModelInfo) -> Iterator[str]:
    """The names a model is matched by in full, and the beginnings of its dated names."""
    clauses = model.match.or_ if isinstance(model.match, theirs.ClauseOr) else [model.match]
    for clause in clauses:
        match clause:
            case theirs.ClauseEquals(equals=name):
                yield name
            case theirs.ClauseStartsWith(starts_with=name) if name[-1].isalnum():
                yield name


def _known(facts: Row, capabilities: list[Row]) -> Row:
    row: Row = {"output": facts["output"]} if "output" in facts else {}
    if facts.get("can"):
        if facts["can"] not in capabilities:
            capabilities.append(facts["can"])
        row["can"] = capabilities.index(facts["can"])
    return row


def _typed(name: str, facts: Row) -> Row:
    kind = facts.get("type") or ("embedding" if EMBEDS.search(name) else None)
    speaks = {"dialect": facts["dialect"]} if "dialect" in facts else {}
    return {**({"type": kind} if kind else {}), **speaks}


def _facts() -> dict[str, dict[str, Row]]:
    """model_facts.csv by provider and model."""
    facts: dict[str, dict[str, Row]] = {}
    with FACTS.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            can: Row = {word.lstrip("!"): not word.startswith("!") for word in line["capabilities"].split()}
            can |= {"thinking": line["thinking"]} if line["thinking"] else {}
            can |= {"effort_levels": line["effort_levels"].split()} if line["effort_levels"] else {}
            row: Row = {key: line[key] for key in ("served_as", "type", "dialect") if line[key]}
            row |= {"output": int(line["max_output_tokens"])} if line["max_output_tokens"] else {}
            facts.setdefault(line["provider"], {})[line["model"]] = {**row, "can": dict(sorted(can.items()))}
    return facts


def main() -> None:
    text = compiled()
    TARGET.write_text(text, encoding="utf-8")
    table = json.loads(text)
    count = sum(map(len, table["models"].values()))
    print(f"{count} models, {len(text.encode())} bytes, price_version {table['price_version']}")


if __name__ == "__main__":
    main()

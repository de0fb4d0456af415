"""Compile vaultcore/catalog/models.json from the package genai-prices and two tables in this folder.

    python -m tools.build_models

model_prices.py converts the prices of genai-prices, a development dependency. picture_prices.csv has prices
per image, model_facts.csv the capabilities of models; an empty cell there means unknown. The same input
gives the same bytes. vaultcore/catalog/models.py describes the format.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from genai_prices import types as theirs
from genai_prices.data import providers as sources

from tools.model_prices import AS_OF, Row, image_rows, price_row, standard_price
from tools.tool_prices import priced_providers, provider_tools, tool_columns

ROOT = Path(__file__).resolve().parent.parent
FACTS = ROOT / "tools/model_facts.csv"
TARGET = ROOT / "vaultcore/catalog/models.json"

BORROWS = {
    "azure": ["openai"],
    "gemini-compat": ["gemini"],
}  # provider -> providers whose models it serves, under their names or its own


@dataclass(frozen=True, slots=True)
class Source:
    """A provider in genai-prices, and how the ids there become model names of the provider's API."""

    id: str
    only: str = ""  # pattern of the ids that belong to this API; empty: all
    names: bool = False  # also use the other names that genai-prices lists for a model
    lower: bool = False  # the API's names are in lower case
    before: str = ""  # prefix of the API's names
    hosts: Mapping[str, str] = field(default_factory=dict)  # prefix of ids -> the vendor of these models


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
FORMS: Mapping[str, list[str]] = {  # patterns of a name that give a region or version, not the model
    "bedrock": [
        r"^(?:arn:.*/|regional\.)",
        r"(?:(?<!embed-text)-v\d+)?(?::\w+)*$",
        r"-20\d{6}$",
        r"^(?:us-gov|us|eu|apac|jp|au|ca|in|sa|global)\.",
    ]
}
UNSERVED = re.compile(  # models for audio, ranking and OCR, and moderation models, which MODERATION lists
    r"realtime|transcri|whisper|(?:^|[-/])tts|(?:^|[-/])live|-live|moderation|-ocr|rerank|sonic|orpheus|-voice|"
    r"\.ft-|m2m100|indictrans|distilbert",
    re.IGNORECASE,
)
# Models of the moderations API, which genai-prices lacks; OpenAI's are free of charge.
MODERATION: Mapping[str, Mapping[str, Row]] = {
    "openai": {"omni-moderation-latest": {"price": [0, 0], "type": "moderation"}},
    "mistral": {"mistral-moderation-latest": {"type": "moderation"}},
}
MODERATION_NAMES: Mapping[str, Mapping[str, str]] = {  # for dated names: omni-moderation-2024-09-26
    "openai": {"omni-moderation": "omni-moderation-latest"},
    "mistral": {"mistral-moderation": "mistral-moderation-latest"},
}
EMBEDS = re.compile(r"embed|(?:^|[/-])(?:bge|gte)-", re.IGNORECASE)


def compile_models() -> str:
    """Return models.json as text."""
    facts = _facts()
    vendors = {name: dict(rows) for name, rows in facts.items()}
    capabilities: list[Row] = []
    models: dict[str, dict[str, Row]] = {}
    names: dict[str, dict[str, str]] = {}
    by_id = {source.id: source for source in sources}
    images = image_rows()
    listings = {name: by_id[source.id] for name, source in SOURCES.items()}
    tools = {name: provider_tools(name, listings.get(name)) for name in priced_providers()}
    for provider, source in SOURCES.items():
        hosted = _hosted(by_id, source, provider, vendors)
        merged = {**hosted, **facts.pop(provider, {})}
        listing, forms = listings[provider], FORMS.get(provider, [])
        extra = {
            name: tool_columns(provider, name, model, tools.get(provider, {}))
            for name, model, _ in _choose(listing, source, dict(merged), forms)
        }
        rows, others = _build_rows(listing, source, merged, capabilities, forms)
        rows = {name: {**row, **extra.get(name, {})} for name, row in rows.items()}
        for name, prices in images.get(provider, {}).items():
            rows[name] |= prices
        rows |= {name: dict(row) for name, row in MODERATION.get(provider, {}).items()}
        others |= MODERATION_NAMES.get(provider, {})
        models[provider] = dict(sorted(rows.items()))
        if others:
            names[provider] = dict(sorted(others.items()))
    if facts:
        raise SystemExit(f"{FACTS.name} has rows of providers that SOURCES lacks: {', '.join(facts)}")
    table = {
        "borrows": BORROWS,
        "capabilities": capabilities,
        "forms": FORMS,
        "models": models,
        "names": names,
        "tools": tools,
    }
    source_name = f"genai-prices {version('genai-prices')}, as of {AS_OF}"
    canonical = json.dumps({"source": source_name, **table}, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:12]
    whole = {"price_version": digest, "source": source_name, **table}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")) + "\n"


def priced_models() -> Iterator[tuple[str, str, theirs.Provider, theirs.ModelInfo]]:
    """Yield the models priced by genai-prices: our provider, our name, and both objects of genai-prices."""
    facts = _facts()
    for provider, source in SOURCES.items():
        listing = next(each for each in sources if each.id == source.id)
        for name, model, _ in _choose(listing, source, facts.get(provider, {}), FORMS.get(provider, [])):
            if standard_price(model).input_mtok is not None:
                yield provider, name, listing, model


def _hosted(
    by_id: Mapping[str, theirs.Provider], source: Source, provider: str, vendors: Mapping[str, dict[str, Row]]
) -> dict[str, Row]:
    """Return the facts of models of other vendors: they have the same capabilities at this provider."""
    rows: dict[str, Row] = {}
    for model in by_id[source.id].models if source.hosts else ():
        local = re.sub(r"^(?:regional|global)\.", "", model.id)
        for before, vendor in source.hosts.items():
            name = re.sub(FORMS[provider][1], "", local.removeprefix(before))
            original = by_id[vendor].find_model(name) if local.startswith(before) else None
            if original is not None and original.id in vendors[vendor]:
                vendor_facts = vendors[vendor][original.id]
                rows[_strip_forms(model.id, FORMS[provider])] = {
                    key: vendor_facts[key] for key in ("output", "can") if key in vendor_facts
                }
    return rows


def _strip_forms(name: str, forms: list[str]) -> str:
    """Return a name without region and version. The last form stays, because prices depend on it."""
    for form in forms[:-1]:
        name = re.sub(form, "", name)
    return name


def _build_rows(
    listing: theirs.Provider,
    source: Source,
    facts: dict[str, Row],
    capabilities: list[Row],
    forms: list[str],
) -> tuple[dict[str, Row], dict[str, str]]:
    """Return the rows of a provider by model, and the other names of models -> the model of their row."""
    rows: dict[str, Row] = {}
    names: dict[str, str] = {}
    for name, model, model_facts in _choose(listing, source, facts, forms):
        context: Row = {"context": model.context_window} if model.context_window else {}
        rows[name] = {
            **context,
            **price_row(model),
            **_fact_columns(model_facts, capabilities),
            **_type_columns(name, model_facts),
        }
        others = set(_names(model)) | {model.id} if source.names else set()
        names |= {other: name for other in others - {name} if listing.find_model(other) is model}
    for name, model_facts in facts.items():  # models without a price
        if name in names:  # such a row would hide the price
            raise SystemExit(f"{FACTS.name}: {name} is another name of {names[name]}; write its facts there")
        if not UNSERVED.search(name):
            rows[model_facts.pop("served_as", name)] = {
                **_fact_columns(model_facts, capabilities),
                **_type_columns(name, model_facts),
            }
    return rows, {other: name for other, name in names.items() if other not in rows}


def _choose(
    listing: theirs.Provider, source: Source, facts: dict[str, Row], forms: list[str]
) -> Iterator[tuple[str, theirs.ModelInfo, Row]]:
    """Yield the models to include: the API's name, the model, and its facts, removed from `facts`."""
    names: set[str] = set()
    for model in listing.models:
        plain = _strip_forms(model.id, forms)
        if forms and (plain in names or UNSERVED.search(plain)):
            continue  # another version of a model, or an unsupported kind
        model_facts = facts.pop(plain, {})
        name = plain if forms else _api_name(model, model_facts, listing, source)
        if name is None or not (model_facts or standard_price(model).input_mtok is not None):
            continue
        if name in names:
            raise SystemExit(f"{listing.id} has two rows for {name}")
        names.add(name)
        yield name, model, model_facts


def _api_name(
    model: theirs.ModelInfo, model_facts: Row, listing: theirs.Provider, source: Source
) -> str | None:
    """Return the API's name of a model, one of its names in genai-prices; None if the API lacks the model."""
    belongs = not source.only or re.fullmatch(source.only, model.id) is not None
    if not belongs or UNSERVED.search(model.id):
        return None
    if "served_as" in model_facts and listing.find_model(model_facts["served_as"]) in (model, None):
        return str(model_facts["served_as"])
    plain = source.before + (model.id.lower() if source.lower else model.id)
    names = [plain, *([*_names(model)] if source.names else ())]
    return next((name for name in names if listing.find_model(name) is model), None)


def _names(model: theirs.ModelInfo) -> Iterator[str]:
    """Yield the names that match a model exactly, and the prefixes of its dated names."""
    clauses = model.match.or_ if isinstance(model.match, theirs.ClauseOr) else [model.match]
    for clause in clauses:
        match clause:
            case theirs.ClauseEquals(equals=name):
                yield name
            case theirs.ClauseStartsWith(starts_with=name) if name[-1].isalnum():
                yield name


def _fact_columns(facts: Row, capabilities: list[Row]) -> Row:
    row: Row = {"output": facts["output"]} if "output" in facts else {}
    if facts.get("can"):
        if facts["can"] not in capabilities:
            capabilities.append(facts["can"])
        row["can"] = capabilities.index(facts["can"])
    return row


def _type_columns(name: str, facts: Row) -> Row:
    model_type = facts.get("type") or ("embedding" if EMBEDS.search(name) else None)
    dialect = {"dialect": facts["dialect"]} if "dialect" in facts else {}
    return {**({"type": model_type} if model_type else {}), **dialect}


def _facts() -> dict[str, dict[str, Row]]:
    """Return the rows of model_facts.csv by provider and model."""
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
    text = compile_models()
    TARGET.write_text(text, encoding="utf-8")
    table = json.loads(text)
    count = sum(map(len, table["models"].values()))
    print(f"{count} models, {len(text.encode())} bytes, price_version {table['price_version']}")


if __name__ == "__main__":
    main()

"""Compile vaultcore/catalog/models.json from the package genai-prices and two tables beside this file.

    python -m tools.build_models

Prices come from genai-prices, a development dependency, by way of model_prices.py, and of pictures that are
priced one by one from picture_prices.csv; what models can do comes from model_facts.csv, of which a cell is
empty where nobody has said. The same input gives the same bytes.
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

from tools.model_prices import AS_OF, Row, pictures, priced, standard

ROOT = Path(__file__).resolve().parent.parent
FACTS = ROOT / "tools/model_facts.csv"
TARGET = ROOT / "vaultcore/catalog/models.json"

BORROWS = {
    "azure": ["openai"],
    "gemini-compat": ["gemini"],
}  # serves that provider's models, under its own names or the same


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
    drawn = pictures()
    for provider, source in SOURCES.items():
        hosted = _hosted(by_id, source, provider, vendors)
        known = {**hosted, **facts.pop(provider, {})}
        rows, others = _provider(by_id[source.id], source, known, capabilities, FORMS.get(provider, []))
        for name, prices in drawn.get(provider, {}).items():
            rows[name] |= prices
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


def sold() -> Iterator[tuple[str, str, theirs.Provider, theirs.ModelInfo]]:
    """Every model whose price is of genai-prices: our provider, its name, and who they are there."""
    facts = _facts()
    for provider, source in SOURCES.items():
        given = next(each for each in sources if each.id == source.id)
        for name, model, _ in _chosen(given, source, facts.get(provider, {}), FORMS.get(provider, [])):
            if standard(model).input_mtok is not None:
                yield provider, name, given, model


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
    for name, model, known in _chosen(given, source, facts, forms):
        context: Row = {"context": model.context_window} if model.context_window else {}
        rows[name] = {**context, **priced(model), **_known(known, capabilities), **_typed(name, known)}
        others = set(_names(model)) | {model.id} if source.names else set()
        names |= {other: name for other in others - {name} if given.find_model(other) is model}
    for name, known in facts.items():  # models that nobody has priced
        if not UNSERVED.search(name):
            rows[known.pop("served_as", name)] = {**_known(known, capabilities), **_typed(name, known)}
    return rows, {other: name for other, name in names.items() if other not in rows}


def _chosen(
    given: theirs.Provider, source: Source, facts: dict[str, Row], forms: list[str]
) -> Iterator[tuple[str, theirs.ModelInfo, Row]]:
    """The models to take, under the API's own names, with their facts: these are taken out of `facts`."""
    seen: set[str] = set()
    for model in given.models:
        plain = _plain(model.id, forms)
        if forms and (plain in seen or UNSERVED.search(plain)):
            continue  # another version of the same, or of no use
        known = facts.pop(plain, {})
        name = plain if forms else _name(model, known, given, source)
        if name is None or not (known or standard(model).input_mtok is not None):
            continue
        if name in seen:
            raise SystemExit(f"{given.id} has two rows for {name}")
        seen.add(name)
        yield name, model, known


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

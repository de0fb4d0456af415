"""A gateway with realistic data: weeks of requests, keys of several owners, alerts, routes, conversations."""

from __future__ import annotations

import asyncio
import base64
import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from tests.console.conftest import Gateway
from tests.console.recorded_usage import write_sums
from tests.fakes.served import prepare_home, run_serve
from vaultcore.admission.caller import account
from vaultcore.admission.refusals.refusal import ROWS_PER_DAY, STATUSES
from vaultcore.admission.settlement import alert
from vaultcore.clock import SystemClock
from vaultcore.limits.account import Charge, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, Reservation
from vaultcore.limits.thresholds import Crossing
from vaultcore.money import from_usd
from vaultcore.simulators.server import simulated
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Put, Settlement
from vaultcore.store.sqlite.store import SQLiteStore
from vaultcore.usage.record import AttemptRecord, Record

DAY = 86_400.0
LONG = "nightly-reconciliation-of-warehouse-stock-and-supplier-feeds"  # 60 characters
SOON = 1.2  # seconds until a key expires

# (fields of the key, share of the requests)
KEYS: tuple[tuple[dict[str, Any], int], ...] = (
    ({"name": "checkout", "owner": "shop", "credits_usd": 7, "budget_day_usd": 5, "rate_limit_rpm": 600}, 9),
    ({"name": "support bot", "owner": "support", "token_quota": 2_300_000, "rate_limit_tpm": 200_000}, 7),
    ({"name": "search", "owner": "shop", "allowed_models": ["text-embedding-3-small", "openai/*"]}, 5),
    ({"name": LONG, "owner": "data platform", "allowed_ips": ["10.0.0.0/8", "192.168.4.0/24"]}, 3),
    (
        {
            "name": "everything limited",
            "owner": "research",
            "rate_limit_rpm": 60,
            "rate_limit_tpm": 40_000,
            "max_parallel": 4,
            "token_quota": 5_000_000,
            "credits_usd": 25,
            "budget_day_usd": 2,
            "budget_month_usd": 20,
            "allowed_models": ["gpt-4o-mini", "anthropic/*"],
            "allowed_ips": ["127.0.0.0/8"],
            "expires_at": "2031-06-30T12:00:00Z",
        },
        3,
    ),
    ({"name": "Zoë’s laptop", "owner": "research", "budget_month_usd": 10}, 2),
    ({"name": "old website", "owner": "shop"}, 1),
    ({"name": "trade fair demo", "owner": "sales"}, 1),
)
REVOKED, EXPIRED = "old website", "trade fair demo"
# (requested, provider, served, dollars per million tokens in and out, share of the requests)
MODELS = (
    ("gpt-4o-mini", "openai", "gpt-4o-mini", 0.15, 0.6, 9),
    ("gpt-4o", "openai", "gpt-4o", 2.5, 10.0, 4),
    ("fast-llm", "openai", "gpt-4o-mini", 0.15, 0.6, 4),
    ("claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5", 3.0, 15.0, 5),
    ("claude-haiku-4-5", "anthropic", "claude-haiku-4-5", 1.0, 5.0, 3),
    ("text-embedding-3-small", "openai", "text-embedding-3-small", 0.02, 0.0, 4),
    ("mistral-small-latest", "mistral", "mistral-small-latest", 0.1, 0.3, 2),
)
FAULTS = ((429, "rate_limited"), (503, "unavailable"), (None, "unreachable"))
PRICES = "prices:\n  openai/gpt-4o-mini: {input: 0.15, output: 0.6}\n"
ROUTES = {
    "fast": {
        "targets": [
            {"target": "openai/gpt-4o-mini", "weight": 3},
            {"target": "anthropic/claude-haiku-4-5", "weight": 1},
        ],
        "strategy": "weighted",
    },
    "best": {"primary": "anthropic/claude-sonnet-4-5", "fallbacks": ["openai/gpt-4o", "openai/gpt-4o-mini"]},
}


@contextmanager
def sample_gateway(home: Path) -> Iterator[Gateway]:
    """Serve a gateway with this data over three simulated providers."""
    with simulated({"openai": "openai", "anthropic": "anthropic", "mistral": "mistral"}) as simulators:
        overlay = prepare_home(home, simulators)
        overlay.write_text(overlay.read_text() + PRICES)
        with run_serve(home, "--providers", str(overlay)) as server:
            gateway = Gateway(server, simulators, "")
            created = [_create_key(gateway, fields) for fields, _ in KEYS]
            history = _settle_history(home / ".vaultedge" / "vaultedge.db", created)
            with ThreadPoolExecutor(1) as thread:  # the browser driver uses this thread's event loop
                thread.submit(asyncio.run, history).result()
            (revoked,) = [key["id"] for key in created if key["name"] == REVOKED]
            gateway.call_admin("DELETE", f"/admin/keys/{revoked}")
            gateway.call_admin(
                "PUT", "/admin/limits/owners/shop", {"budget_month_usd": 200, "rate_limit_rpm": 900}
            )
            gateway.call_admin("PUT", "/admin/limits/gateway", {"budget_day_usd": 50})
            gateway.call_admin("PUT", "/admin/routes", {"models": {"best": ROUTES["best"]}})
            gateway.call_admin("PUT", "/admin/routes", {"models": ROUTES})
            gateway = Gateway(server, simulators, created[0]["key"])
            assert gateway.complete("gpt-4o-mini", "What is in the box?").status_code == 200
            _refuse_requests(gateway, {key["name"]: key["key"] for key in created})
            yield gateway


def _refuse_requests(gateway: Gateway, keys: dict[str, str]) -> None:
    """Send requests that the gateway itself refuses, and wait until the log shows them."""
    limited = gateway.call_admin("POST", "/admin/keys", {"name": "load test", "rate_limit_rpm": 2})["key"]
    poor = gateway.call_admin("POST", "/admin/keys", {"name": "intern", "credits_usd": 0.000_001})["key"]
    requests = [("gpt-4o-mini", limited)] * (ROWS_PER_DAY + 5)
    requests += [("gpt-4o", poor), ("gpt-4o", keys["search"]), ("no-such-model", gateway.key)]
    requests += [("mistral-small-latest", keys["search"]), ("gpt-4o-mini", "vg_" + "0" * 40)]
    statuses = [gateway.complete(model, key=key).status_code for model, key in requests]
    assert set(statuses) >= {401, 402, 403, 404, 429}
    gateway.wait_for_refusals(sum(status in STATUSES for status in statuses))


def _create_key(gateway: Gateway, fields: dict[str, Any]) -> dict[str, Any]:
    soon = datetime.fromtimestamp(time.time() + SOON, UTC).isoformat()
    more = {"expires_at": soon} if fields["name"] == EXPIRED else {}
    created: dict[str, Any] = gateway.call_admin("POST", "/admin/keys", {**fields, **more})
    return created


async def _settle_history(path: Path, keys: Sequence[dict[str, Any]]) -> None:
    """Settle four weeks of requests of these keys, as the gateway does."""
    random, now = Random(7), time.time()
    store = SQLiteStore(path, SystemClock())
    number, records = 0, list[Record]()
    for ago in range(27, -1, -1):
        weekend = datetime.fromtimestamp(now - ago * DAY, UTC).weekday() >= 5
        count = int((9 if weekend else 18) * (0.6 + (27 - ago) / 30) * random.uniform(0.8, 1.2))
        span = 0.9 * DAY if ago else 6 * 3_600
        for ended in sorted(now - ago * DAY - 40 - random.random() * span for _ in range(count)):
            number += 1
            key = random.choices(keys, [share for _, share in KEYS])[0]
            record = _record(random, number, key, ended)
            over = _settlement(record, key)
            free = [Level(each.account, Limits()) for each in over.levels]
            await store.reserve(Reservation(over.id, free, over.lease))
            await store.settle(over)
            records.append(record)
    await write_sums(store, records)
    await store.aclose()


def _record(random: Random, number: int, key: dict[str, Any], ended: float) -> Record:
    requested, provider, served_, dear_in, dear_out, _ = random.choices(
        MODELS, [each[-1] for each in MODELS]
    )[0]
    embeds, stream = dear_out == 0.0, random.random() < 0.4
    ms, tokens_in = random.lognormvariate(7, 0.6), int(random.lognormvariate(9.7, 0.9))
    tokens_out = 0 if embeds else int(random.lognormvariate(7.9, 0.8))
    attempts: list[AttemptRecord] = []
    began = 3.0
    fails = random.choices((0, 1, 3), (90, 7, 3))[0]  # three: all attempts failed
    for _ in range(fails):
        status, fault = random.choice(FAULTS)
        took = random.uniform(60, 900)
        attempts.append(
            AttemptRecord(provider, served_, "0123456789ab", status, round(took, 1), fault, int(began))
        )
        began += took + 250
    failed = fails == 3
    if not failed:
        attempts.append(AttemptRecord(provider, served_, "ba9876543210", 200, round(ms, 1), None, int(began)))
    cost = 0 if failed else round(1_000 * (tokens_in * dear_in + tokens_out * dear_out))
    rates = {"input": [tokens_in, round(dear_in * 1e9)], "output": [tokens_out, round(dear_out * 1e9)]}
    return Record(
        id=f"{number:08x}{random.getrandbits(96):024x}",
        key=key["id"],
        owner=key["owner"],
        at=ended - (began + ms) / 1_000,
        ended=ended,
        path="/v1/embeddings" if embeds else random.choice(("/v1/chat/completions",) * 4 + ("/v1/messages",)),
        model=requested,
        status=503 if failed else 200,
        code="upstream_unavailable" if failed else None,
        stream=stream and not embeds,
        provider=None if failed else provider,
        served=None if failed else served_,
        attempts=attempts,
        prompt_tokens=0 if failed else tokens_in,
        completion_tokens=0 if failed else tokens_out,
        cached_tokens=0 if failed else tokens_in // 5,
        cost=cost,
        price={} if failed else rates,
        ms=round(began + (0 if failed else ms), 1),
        first_ms=round(began + ms / 4, 1) if stream and not failed and not embeds else None,
    )


def _settlement(record: Record, key: dict[str, Any]) -> Settlement:
    limits = Limits(
        tokens=key["token_quota"],
        **{
            ours: None if key[theirs] is None else from_usd(key[theirs])
            for ours, theirs in (
                ("credits", "credits_usd"),
                ("day", "budget_day_usd"),
                ("month", "budget_month_usd"),
            )
        },
    )

    def create_alert(crossing: Crossing) -> Put:
        return alert(crossing, record.ended, record.id)

    return Settlement(
        id=record.id,
        levels=[Level(account(record.key), limits)],
        lease=Lease(record.at, record.at + 600),
        charge=Charge(record.prompt_tokens, record.completion_tokens, record.cost or 0),
        record=Put(document_types.record_key(record.ended, record.id), record.pack(), version=ABSENT),
        alert=create_alert,
    )


def picture(wide: int = 320, high: int = 200) -> str:
    """Return an image as a model sends one: a sunset of flat colours, as a data URL."""
    rows = b"".join(
        b"\0" + bytes((min(255, 90 + at), 60 + at // 2, 120 - at // 3)) * wide for at in range(high)
    )

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return "data:image/png;base64," + base64.b64encode(png).decode()


def conversations() -> dict[str, Any]:
    """Return an exported chat file with code, a table, an image and a failed answer."""
    facts = {"model": "gpt-4o-mini", "provider": "openai", "tokens": 1234, "ms": 2345, "cost": "0.000741"}
    code = (
        "It depends on the data:\n\n- **salt** first\n- then `argon2`, see the table\n\n"
        "```python\nimport hashlib\n\n# never itself\ndef digest(password: str, salt: bytes) -> bytes:\n    "
        "return hashlib.scrypt(password.encode(), salt=salt, n=2**15, r=8, p=1, maxmem=64 * 1024**2)  # ok"
        "\n```\n\n| way | memory | time |\n|---|---|---|\n"
        "| scrypt | 32 MB | 80 ms |\n| argon2id | 64 MB | 90 ms |"
    )
    painted = {**facts, "model": "gpt-image-1", "pictures": [picture()], "text": "A sunset over flat land."}
    failed = {"code": "upstream_unavailable", "message": "openai answered 503: overloaded"}
    samples = (
        ("Passwords", "Work", [("How do I hash a password?", {**facts, "text": code})]),
        ("A sunset for the landing page, in warm colours", "", [("Paint a sunset", painted)]),
        ("What failed yesterday", "Work", [("Why?", {**facts, "text": "", "error": failed})]),
        ("Shopping for Sunday’s dinner with the neighbours", "", [("Eggs?", {**facts, "text": "Six."})]),
    )
    now = round(time.time() * 1_000)
    return {
        "format": "vaultedge.chat",
        "version": 1,
        "conversations": [
            {
                "title": title,
                "folder": folder,
                "model": turns[-1][1]["model"],
                "system": "",
                "created": now - at * 40_000_000,
                "updated": now - at * 40_000_000,
                "messages": [
                    message
                    for question, answer in turns
                    for message in ({"role": "user", "text": question}, {"role": "assistant", **answer})
                ],
            }
            for at, (title, folder, turns) in enumerate(samples)
        ],
    }

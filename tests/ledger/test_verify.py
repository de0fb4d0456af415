"""The verifier: any change of a ledger is found and located."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledger.sample_ledger import (
    DAY,
    NOON,
    SIGNER,
    SampleLedger,
    catalog,
    record,
    run,
    sample_ledger,
    verify,
)
from vaultcore.ledger.chain import canonical_json, chain_hash
from vaultcore.ledger.export import export_ledger
from vaultcore.ledger.positions import POSITION
from vaultcore.ledger.price_check import PriceChecker
from vaultcore.ledger.sealing import Sealer
from vaultcore.ledger.signing import LedgerSigner
from vaultcore.ledger.verify import verify_ledger
from vaultcore.store import document_types
from vaultcore.store.base import Delete, DocumentKey, Put
from vaultcore.usage.cost import cost_of_detail, price_detail
from vaultcore.usage.unknown_price import UnknownPrice, with_price

GOOD = run(run(sample_ledger()).lines())
ROWS = [index for index, line in enumerate(GOOD) if "hash" in json.loads(line)]
SEALS = [index for index, line in enumerate(GOOD) if "late" in json.loads(line)]


def first_error(lines: list[bytes], **options: Any) -> tuple[int, str]:
    problem = verify(lines, **options).problem
    assert problem is not None
    return problem.line, problem.subject


def test_an_unchanged_ledger_is_valid() -> None:
    """An unchanged ledger is valid, with its counts and its cost."""
    report = verify(GOOD)

    assert report.problem is None
    assert (report.rows, report.seals, report.whole) == (9, 5, True)
    assert report.cost == sum(json.loads(GOOD[index])["cost"] for index in ROWS)
    assert sum(report.cost_by_key.values()) == report.cost


@settings(deadline=None, max_examples=400)
@given(st.data())
def test_any_changed_byte_is_found(data: st.DataObject) -> None:
    """A byte that is changed, inserted or removed anywhere is reported at its line or the next one."""
    whole = b"".join(GOOD)
    at = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.binary(max_size=2).filter(lambda other: other != whole[at : at + 1]))
    changed = whole[:at] + other + whole[at + 1 :]
    if changed == whole:
        return
    problem = verify(changed.splitlines(keepends=True)).problem

    assert problem is not None
    line = whole[:at].count(b"\n") + 1
    assert problem.line <= line + 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'","', b'", "'),
        (b"\n", b"\r\n"),
        (b"\n", b"\n\n"),
        (b'"cost"', b'"\\u0063ost"'),
        (b'"seals":5', b'"seals":5,"seals":5'),
        (b'"ms":1000.0', b'"ms":1e3'),
        (b'"ms":1000.0', b'"ms":NaN'),
    ],
)
def test_another_spelling_is_rejected(old: bytes, new: bytes) -> None:
    """Other JSON with the same meaning is rejected: a line has one spelling."""
    whole = b"".join(GOOD)
    assert old in whole
    assert verify(whole.replace(old, new, 1).splitlines(keepends=True)).problem is not None


@pytest.mark.parametrize("index", [0, *SEALS])
def test_a_signature_has_one_spelling(index: int) -> None:
    """Upper-case digits in a signature are rejected."""
    value = json.loads(GOOD[index])
    lines = [*GOOD]
    lines[index] = f"{canonical_json({**value, 'signature': value['signature'].upper()})}\n".encode()
    assert first_error(lines)[0] == index + 1


def test_a_missing_seal_is_reported() -> None:
    """If only the line of a seal is missing, the next seal reports it."""
    problem = verify([line for index, line in enumerate(GOOD) if index != SEALS[0]]).problem

    assert problem is not None
    assert "a seal is missing" in problem.wrong


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_moved_lines_are_found(data: st.DataObject) -> None:
    """Lines that are removed, doubled, swapped, moved or cut off are found at the next seal at the latest."""
    lines = list(GOOD)
    first, second = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    match data.draw(st.sampled_from(["delete", "double", "swap", "move", "cut"])):
        case "delete":
            del lines[first : max(first, second) + 1]
        case "double":
            lines.insert(second, lines[first])
        case "swap":
            lines[first], lines[second] = lines[second], lines[first]
        case "move":
            lines.insert(second, lines.pop(first))
        case _:
            del lines[first:]
    if lines == GOOD:
        return
    problem = verify(lines).problem
    same = next((i for i, (a, b) in enumerate(zip(lines, GOOD, strict=False)) if a != b), len(lines))

    assert problem is not None
    assert not any(b'"late"' in line for line in lines[same : problem.line - 1])  # at the next seal, at last


@pytest.mark.parametrize("index", ROWS)
def test_a_changed_row_is_located(index: int) -> None:
    """A row with another cost, key or time is reported by line and ID."""
    row = json.loads(GOOD[index])
    for change in ({"cost": row["cost"] + 1}, {"key": "key_z"}, {"ended": row["ended"] + 1}):
        lines = [*GOOD[:index], f"{canonical_json({**row, **change})}\n".encode(), *GOOD[index + 1 :]]
        assert first_error(lines) == (index + 1, row["id"])


@pytest.mark.parametrize("index", SEALS)
def test_a_changed_seal_is_located(index: int) -> None:
    """A seal with a changed field is reported by line and ID."""
    seal = json.loads(GOOD[index])
    name = f"seal {seal['day']}/{seal['number']:06d}"
    for field in ("count", "sealed_at"):
        lines = [
            *GOOD[:index],
            f"{canonical_json({**seal, field: seal[field] + 1})}\n".encode(),
            *GOOD[index + 1 :],
        ]
        assert first_error(lines) == (index + 1, name)


def test_a_removed_row_with_recalculated_hashes_is_found() -> None:
    """If a row is removed and all later hashes are recalculated, no seal matches."""
    lines, head = list(GOOD), json.loads(GOOD[0])["previous"]
    del lines[ROWS[0]]
    for index, line in enumerate(lines[1:], 1):
        row = json.loads(line)
        if "hash" not in row:
            break
        row.pop("hash")
        head = chain_hash(head, row)
        lines[index] = f"{canonical_json({**row, 'hash': head})}\n".encode()

    assert first_error(lines)[1].startswith("seal ")


def test_a_removed_day_is_found() -> None:
    """Without a day's rows and seals, the next day's first row follows nothing."""
    days = ["2026-11-22", "2026-11-23", "2026-11-24"]
    for missing_day in days:
        lines = [GOOD[0]]
        seal_lines: list[bytes] = []
        for line in GOOD[1:]:
            seal_lines.append(line)
            if "late" in (report := json.loads(line)):
                lines += seal_lines if report["day"] != missing_day else []
                seal_lines = []
        assert verify(lines).problem is not None, missing_day


def test_a_row_changed_in_the_store_is_found() -> None:
    """Records deleted, changed or replaced after sealing are reported in the next export."""

    async def scenario() -> None:
        for change in ({}, {"cost": 1}, {"key": "key_z"}):
            ledger = await sample_ledger((4,), every=4)
            (first, second, *_) = await ledger.store.query(document_types.records_collection("2026-11-22"))
            await ledger.store.write(
                Put(first.key, {**first.body, **change}) if change else Delete(first.key)
            )
            problem = verify(await ledger.lines()).problem
            assert problem is not None
            assert problem.subject == (first if change else second).body["id"]

    run(scenario())


def test_a_record_added_later_is_listed_as_late() -> None:
    """A record written between sealed ones later is listed as late."""

    async def scenario() -> None:
        ledger = await sample_ledger((4,), every=4)
        await ledger.add_record(ended=NOON + 0.15)
        await ledger.seal(sweep_every=0.0)
        report = [json.loads(line) for line in await ledger.lines()]
        assert verify(await ledger.lines()).problem is None
        assert len(report[-1]["late"]) == 1

    run(scenario())


def test_the_signer_is_the_expected_one() -> None:
    """An export of another pepper is rejected, also with a replaced public key."""
    other = LedgerSigner(b"vp-" + b"8" * 48)
    header = json.loads(GOOD[0])
    forged = {**header, "public_key": other.public_key}
    forged.pop("signature")
    forged["signature"] = other.sign(forged)

    assert first_error(GOOD, public_key=other.public_key) == (1, "the header")
    lines = [f"{canonical_json(forged)}\n".encode(), *GOOD[1:]]
    assert first_error(lines)[0] == 1
    assert first_error(lines, public_key=None)[1] == "seal 2026-11-22/000001"


def test_a_rewritten_ledger_lacks_the_noted_head() -> None:
    """Even with the pepper another past cannot replace one whose head was noted."""

    async def scenario() -> None:
        ledger = await sample_ledger((2,))
        noted = verify(await ledger.lines()).head
        await ledger.add_record()
        await ledger.seal()
        assert verify(await ledger.lines(), head=noted).problem is None
        anew = SampleLedger()
        await anew.add_record(prompt_tokens=999)
        await anew.seal()
        assert first_error(await anew.lines(), head=noted)[1] == "the file"
        assert first_error(await (await sample_ledger((1,))).lines(), head=noted)[1] == "the file"

    run(scenario())


def test_another_price_is_found() -> None:
    """A cost that does not follow from its prices, and prices of another version, are reported."""

    async def scenario() -> None:
        for fields, reason in (
            ({"cost": 7}, "its cost is 7 nano-dollars"),
            ({"price": {"input": [1_000, 1]}, "cost": 1}, "are not those of openai/gpt-4o"),
            ({"cost": None}, "has prices but no cost"),
        ):
            ledger = SampleLedger()
            await ledger.add_record()
            bad = await ledger.add_record(**fields)
            await ledger.seal()
            problem = verify(await ledger.lines()).problem
            assert problem is not None
            assert problem.subject == bad.id
            assert reason in problem.wrong

    run(scenario())


def test_every_catalog_price_is_accepted() -> None:
    """Every price of the catalog, in every tier and hour, is accepted; a doubled one is not."""
    rows, prices = 0, PriceChecker(catalog())
    for provider in ("openai", "anthropic", "gemini", "xai", "deepseek"):
        for name in catalog().models.ids(provider):
            model = catalog().model(provider, name)
            services = ("", *(each.name for each in model.services))
            for prompt, service, hour in product((10, 300_000), services, (1, 9, 17)):
                at = NOON + hour * 3_600
                usage: Any = {"prompt_tokens": prompt, "completion_tokens": 5, "service_tier": service}
                if price := price_detail(usage, model, at):
                    row = replace(
                        record("r", at + 1), provider=provider, served=name, prompt_tokens=prompt, at=at
                    )
                    odd = {unit: [count, rate * 2 + 1] for unit, (count, rate) in price.items()}
                    assert prices.check(replace(row, price=price, cost=cost_of_detail(price))) is None
                    assert prices.check(replace(row, price=odd, cost=cost_of_detail(odd))) is not None
                    rows += 1
    assert rows > 100
    assert prices.notes == []


@pytest.mark.parametrize(
    ("choice", "usage"), [("2/10", {}), ("free", {}), ("free", {"pictures": {"count": 2}})]
)
def test_the_price_of_unknown_models_is_in_the_version(choice: str, usage: dict[str, Any]) -> None:
    """The price set for models without one is valid for these and for no other model."""
    unknown = UnknownPrice.parse(choice)
    model = with_price(catalog().model("openai", "unheard-of"), unknown)
    assert model is not None
    report: Any = {"prompt_tokens": 10, "completion_tokens": 5, **usage}
    price = price_detail(report, model, NOON)
    assert price is not None
    row = replace(
        record("r", NOON),
        served="unheard-of",
        price=price,
        cost=cost_of_detail(price),
        price_version=unknown.version(catalog().price_version),
    )

    assert PriceChecker(catalog()).check(row) is None
    assert PriceChecker(catalog()).check(replace(row, price_version=catalog().price_version)) is not None
    assert PriceChecker(catalog()).check(replace(row, served="gpt-4o")) is not None


def test_prices_of_an_unknown_version_are_compared() -> None:
    """Without the catalog of a price version, two prices of one unit are noted."""

    async def scenario() -> None:
        ledger = SampleLedger()
        await ledger.add_record(price_version="old", price={"input": [1_000_000, 5]}, cost=5)
        assert verify(await ledger.lines()).notes == ()
        await ledger.add_record(price_version="old", price={"input": [1_000_000, 6]}, cost=6)
        await ledger.seal()
        report = verify(await ledger.lines())
        assert report.problem is None
        assert "openai/gpt-4o has more than one price for input" in report.notes[0]

    run(scenario())


def test_rows_without_a_price_are_counted() -> None:
    """A row without a known cost counts as unpriced, not as free."""

    async def scenario() -> None:
        ledger = SampleLedger()
        await ledger.add_record(cost=None, price={}, served="unheard-of")
        await ledger.seal()
        assert (verify(await ledger.lines()).unpriced, verify(await ledger.lines()).cost) == (1, 0)

    run(scenario())


def test_days_can_be_exported_alone() -> None:
    """A partial export is valid as a part: it does not begin with the ledger's first row."""

    async def scenario() -> None:
        ledger = await sample_ledger((2, 3, 2))
        report = verify(await ledger.lines("2026-11-23", "2026-11-23"))
        assert report.problem is None
        assert (report.rows, report.first_day, report.last_day, report.whole) == (
            3,
            "2026-11-23",
            "2026-11-23",
            False,
        )
        assert verify(await SampleLedger().lines()).rows == 0

    run(scenario())


def test_expired_records_leave_a_valid_ledger() -> None:
    """When the oldest records have expired, the rest of the ledger is still valid."""

    async def scenario() -> None:
        ledger = await sample_ledger((2, 2))
        ledger.clock.time = NOON + 398 * DAY
        await ledger.add_record()
        await ledger.seal()
        report = verify(await ledger.lines())
        assert report.problem is None
        assert report.rows == 1

    run(scenario())


@given(st.lists(st.binary(max_size=80), max_size=4))
def test_any_file_is_rejected_without_a_crash(lines: list[bytes]) -> None:
    """Anything that is not a ledger is rejected without a crash."""
    assert verify_ledger(lines).problem is not None
    nested = b"[" * 100_000 + b"]" * 100_000 + b"\n"
    assert verify_ledger([nested]).problem is not None


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_signed_rows_of_any_shape_do_not_crash(data: st.DataObject) -> None:
    """Rows of any shape under valid signatures are reported and do not crash the verifier."""
    field = data.draw(st.sampled_from(sorted(json.loads(GOOD[ROWS[0]]))))
    odd = data.draw(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=5)
        | st.lists(st.none() | st.integers(), max_size=2)
        | st.dictionaries(
            st.text(max_size=3), st.integers() | st.lists(st.integers(), max_size=2), max_size=2
        )
    )
    if field == "hash":
        return

    async def scenario() -> None:
        ledger = SampleLedger()
        row = await ledger.add_record()
        name = document_types.record_key(row.ended, row.id)
        await ledger.store.write(Put(name, {**row.pack(), field: odd}))
        await ledger.seal()
        verify(await ledger.lines())

    run(scenario())


def test_a_forged_position_is_found() -> None:
    """A changed sealing position breaks the chain and cannot start a second one."""

    async def scenario() -> None:
        ledger = await sample_ledger((2,))
        (document,) = await ledger.store.get(POSITION)
        assert document is not None
        await ledger.store.write(Put(POSITION, {**document.body, "head": "1" * 64}))
        await ledger.add_record()
        await ledger.seal()
        assert verify(await ledger.lines()).problem is not None
        assert await ledger.store.get(DocumentKey(document_types.SEALS, "2026-11-22/000002")) != [None]

    run(scenario())


def test_an_exporter_without_the_sealers_pepper_is_found() -> None:
    """Seals of another pepper than the header's are reported: a changed pepper is visible."""

    async def scenario() -> None:
        ledger = await sample_ledger((1,))
        other = LedgerSigner(b"another pepper altogether")
        lines = [line.encode() async for line in export_ledger(ledger.store, other, ledger.clock)]
        assert first_error(lines, public_key=other.public_key)[1] == "seal 2026-11-22/000001"
        await Sealer(ledger.store, other, ledger.clock).run()

    run(scenario())
    assert SIGNER.public_key not in repr(LedgerSigner(b"x"))

"""The verifier: whatever is done to a ledger, it is found, and named where it is."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledger.book import DAY, NOON, SIGNER, Book, catalog, record, run, verdict, written
from vaultcore.ledger.chain import canonical, follow
from vaultcore.ledger.export import export
from vaultcore.ledger.rates import Rates
from vaultcore.ledger.sealing import POSITION, Sealer
from vaultcore.ledger.signing import Signer
from vaultcore.ledger.verify import verify
from vaultcore.store import document_types
from vaultcore.store.base import Drop, Name, Put
from vaultcore.usage.cost import applied, recomputed
from vaultcore.usage.unknown_price import UnknownPrice, priced

GOOD = run(run(written()).lines())
ROWS = [index for index, line in enumerate(GOOD) if "hash" in json.loads(line)]
SEALS = [index for index, line in enumerate(GOOD) if "late" in json.loads(line)]


def named(lines: list[bytes], **known: Any) -> tuple[int, str]:
    problem = verdict(lines, **known).problem
    assert problem is not None
    return problem.line, problem.subject


def test_a_good_ledger_is_good() -> None:
    """What nobody touched verifies, with its counts and its cost."""
    told = verdict(GOOD)

    assert told.problem is None
    assert (told.rows, told.seals, told.whole) == (9, 5, True)
    assert told.cost == sum(json.loads(GOOD[index])["cost"] for index in ROWS)
    assert sum(told.cost_by_key.values()) == told.cost


@settings(deadline=None, max_examples=400)
@given(st.data())
def test_any_other_byte_is_found(data: st.DataObject) -> None:
    """A byte changed, put in or taken out anywhere is named at its line, or at the next one."""
    whole = b"".join(GOOD)
    at = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.binary(max_size=2).filter(lambda other: other != whole[at : at + 1]))
    changed = whole[:at] + other + whole[at + 1 :]
    if changed == whole:
        return
    problem = verdict(changed.splitlines(keepends=True)).problem

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
def test_another_spelling_is_another_file(old: bytes, new: bytes) -> None:
    """What would be read as the same is refused as well: a line has one spelling."""
    whole = b"".join(GOOD)
    assert old in whole
    assert verdict(whole.replace(old, new, 1).splitlines(keepends=True)).problem is not None


@pytest.mark.parametrize("index", [0, *SEALS])
def test_a_signature_has_one_spelling(index: int) -> None:
    """Capital digits in a signature are another byte, and so another file."""
    told = json.loads(GOOD[index])
    lines = [*GOOD]
    lines[index] = f"{canonical({**told, 'signature': told['signature'].upper()})}\n".encode()
    assert named(lines)[0] == index + 1


def test_a_missing_seal_is_told_as_such() -> None:
    """Where only the line of a seal is gone, the next seal says that it is."""
    problem = verdict([line for index, line in enumerate(GOOD) if index != SEALS[0]]).problem

    assert problem is not None
    assert "a seal is missing" in problem.wrong


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_rows_and_seals_stay_where_they_are(data: st.DataObject) -> None:
    """Lines taken out, doubled, swapped, moved or cut off are found, no later than at the next seal."""
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
    problem = verdict(lines).problem
    same = next((i for i, (a, b) in enumerate(zip(lines, GOOD, strict=False)) if a != b), len(lines))

    assert problem is not None
    assert not any(b'"late"' in line for line in lines[same : problem.line - 1])  # at the next seal, at last


@pytest.mark.parametrize("index", ROWS)
def test_a_changed_row_is_named(index: int) -> None:
    """A row whose cost, key or time is another is named by line and id."""
    row = json.loads(GOOD[index])
    for change in ({"cost": row["cost"] + 1}, {"key": "key_z"}, {"ended": row["ended"] + 1}):
        lines = [*GOOD[:index], f"{canonical({**row, **change})}\n".encode(), *GOOD[index + 1 :]]
        assert named(lines) == (index + 1, row["id"])


@pytest.mark.parametrize("index", SEALS)
def test_a_changed_seal_is_named(index: int) -> None:
    """A seal of which anything is another is named by line and name."""
    seal = json.loads(GOOD[index])
    name = f"seal {seal['day']}/{seal['number']:06d}"
    for field in ("count", "sealed_at"):
        lines = [
            *GOOD[:index],
            f"{canonical({**seal, field: seal[field] + 1})}\n".encode(),
            *GOOD[index + 1 :],
        ]
        assert named(lines) == (index + 1, name)


def test_a_row_removed_with_its_hash_mended_is_found() -> None:
    """Who removes a row and computes all later hashes anew has no seal that fits."""
    lines, head = list(GOOD), json.loads(GOOD[0])["previous"]
    del lines[ROWS[0]]
    for index, line in enumerate(lines[1:], 1):
        row = json.loads(line)
        if "hash" not in row:
            break
        row.pop("hash")
        head = follow(head, row)
        lines[index] = f"{canonical({**row, 'hash': head})}\n".encode()

    assert named(lines)[1].startswith("seal ")


def test_a_day_taken_out_is_found() -> None:
    """Without a day's rows and seals the next day's first row follows nothing."""
    days = ["2026-11-22", "2026-11-23", "2026-11-24"]
    for gone in days:
        lines = [GOOD[0]]
        block: list[bytes] = []
        for line in GOOD[1:]:
            block.append(line)
            if "late" in (told := json.loads(line)):
                lines += block if told["day"] != gone else []
                block = []
        assert verdict(lines).problem is not None, gone


def test_a_row_taken_out_of_the_store_is_found() -> None:
    """Records removed, changed or put in place of others after their sealing show in the next export."""

    async def story() -> None:
        for change in ({}, {"cost": 1}, {"key": "key_z"}):
            book = await written((4,), every=4)
            (first, second, *_) = await book.store.entries(document_types.log("2026-11-22"))
            await book.store.write(Put(first.name, {**first.body, **change}) if change else Drop(first.name))
            problem = verdict(await book.lines()).problem
            assert problem is not None
            assert problem.subject == (first if change else second).body["id"]

    run(story())


def test_a_record_added_to_the_store_later_is_told_as_late() -> None:
    """What somebody writes between sealed records cannot pass as having been there."""

    async def story() -> None:
        book = await written((4,), every=4)
        await book.spend(ended=NOON + 0.15)
        await book.seal(sweep_every=0.0)
        told = [json.loads(line) for line in await book.lines()]
        assert verdict(await book.lines()).problem is None
        assert len(told[-1]["late"]) == 1

    run(story())


def test_who_signs_is_who_is_expected() -> None:
    """An export sealed by one pepper does not verify under another public key, and none can be put in."""
    other = Signer(b"vp-" + b"8" * 48)
    header = json.loads(GOOD[0])
    forged = {**header, "public_key": other.public}
    forged.pop("signature")
    forged["signature"] = other.sign(forged)

    assert named(GOOD, public_key=other.public) == (1, "the header")
    lines = [f"{canonical(forged)}\n".encode(), *GOOD[1:]]
    assert named(lines)[0] == 1
    assert named(lines, public_key=None)[1] == "seal 2026-11-22/000001"


def test_a_ledger_written_anew_lacks_the_noted_head() -> None:
    """Even who has the pepper cannot make another past, once somebody else has noted a head."""

    async def story() -> None:
        book = await written((2,))
        noted = verdict(await book.lines()).head
        await book.spend()
        await book.seal()
        assert verdict(await book.lines(), head=noted).problem is None
        anew = Book()
        await anew.spend(prompt_tokens=999)
        await anew.seal()
        assert named(await anew.lines(), head=noted)[1] == "the file"
        assert named(await (await written((1,))).lines(), head=noted)[1] == "the file"

    run(story())


def test_another_price_is_found() -> None:
    """A cost that its prices do not make, and prices that its version does not have, are named."""

    async def story() -> None:
        for said, wrong in (
            ({"cost": 7}, "its cost is 7 nano-dollars"),
            ({"price": {"input": [1_000, 1]}, "cost": 1}, "are not those of openai/gpt-4o"),
            ({"cost": None}, "it has prices and no cost"),
        ):
            book = Book()
            await book.spend()
            bad = await book.spend(**said)
            await book.seal()
            problem = verdict(await book.lines()).problem
            assert problem is not None
            assert problem.subject == bad.id
            assert wrong in problem.wrong

    run(story())


def test_every_price_that_is_charged_is_one_of_its_version() -> None:
    """Every price that the catalog charges at, in every tier and hour, is accepted, and doubled it is not."""
    rows, rates = 0, Rates(catalog())
    for provider in ("openai", "anthropic", "gemini", "xai", "deepseek"):
        for name in catalog().models.ids(provider):
            model = catalog().model(provider, name)
            services = ("", *(each.name for each in model.services))
            for prompt, service, hour in product((10, 300_000), services, (1, 9, 17)):
                at = NOON + hour * 3_600
                usage: Any = {"prompt_tokens": prompt, "completion_tokens": 5, "service_tier": service}
                if price := applied(usage, model, at):
                    row = replace(
                        record("r", at + 1), provider=provider, served=name, prompt_tokens=prompt, at=at
                    )
                    odd = {unit: [count, rate * 2 + 1] for unit, (count, rate) in price.items()}
                    assert rates.fault(replace(row, price=price, cost=recomputed(price))) is None
                    assert rates.fault(replace(row, price=odd, cost=recomputed(odd))) is not None
                    rows += 1
    assert rows > 100
    assert rates.notes == []


@pytest.mark.parametrize(
    ("choice", "usage"), [("2/10", {}), ("free", {}), ("free", {"pictures": {"count": 2}})]
)
def test_the_price_of_unknown_models_is_in_the_version(choice: str, usage: dict[str, Any]) -> None:
    """What an operator set for models without a price holds for these, and for no other model."""
    unknown = UnknownPrice.parse(choice)
    model = priced(catalog().model("openai", "unheard-of"), unknown)
    assert model is not None
    told: Any = {"prompt_tokens": 10, "completion_tokens": 5, **usage}
    price = applied(told, model, NOON)
    assert price is not None
    row = replace(
        record("r", NOON),
        served="unheard-of",
        price=price,
        cost=recomputed(price),
        price_version=unknown.version(catalog().price_version),
    )

    assert Rates(catalog()).fault(row) is None
    assert Rates(catalog()).fault(replace(row, price_version=catalog().price_version)) is not None
    assert Rates(catalog()).fault(replace(row, served="gpt-4o")) is not None


def test_prices_of_an_unknown_version_are_compared() -> None:
    """Where the catalog of a version is not here, two prices of one unit are pointed out."""

    async def story() -> None:
        book = Book()
        await book.spend(price_version="old", price={"input": [1_000_000, 5]}, cost=5)
        assert verdict(await book.lines()).notes == ()
        await book.spend(price_version="old", price={"input": [1_000_000, 6]}, cost=6)
        await book.seal()
        told = verdict(await book.lines())
        assert told.problem is None
        assert "openai/gpt-4o has more than one price for input" in told.notes[0]

    run(story())


def test_rows_without_a_price_are_told() -> None:
    """A row whose cost nobody knows counts as such, not as nothing."""

    async def story() -> None:
        book = Book()
        await book.spend(cost=None, price={}, served="unheard-of")
        await book.seal()
        assert (verdict(await book.lines()).unpriced, verdict(await book.lines()).cost) == (1, 0)

    run(story())


def test_some_days_can_be_exported_alone() -> None:
    """A part verifies as a part: it does not begin where the ledger began."""

    async def story() -> None:
        book = await written((2, 3, 2))
        told = verdict(await book.lines("2026-11-23", "2026-11-23"))
        assert told.problem is None
        assert (told.rows, told.first_day, told.last_day, told.whole) == (
            3,
            "2026-11-23",
            "2026-11-23",
            False,
        )
        assert verdict(await Book().lines()).rows == 0

    run(story())


def test_records_that_ran_out_leave_a_good_ledger() -> None:
    """When the oldest records are gone from the store, the rest of the ledger still verifies."""

    async def story() -> None:
        book = await written((2, 2))
        book.clock.time = NOON + 398 * DAY
        await book.spend()
        await book.seal()
        told = verdict(await book.lines())
        assert told.problem is None
        assert told.rows == 1

    run(story())


@given(st.lists(st.binary(max_size=80), max_size=4))
def test_anything_may_be_a_file(lines: list[bytes]) -> None:
    """What is no ledger is refused in one line, and never by a crash."""
    assert verify(lines).problem is not None
    nested = b"[" * 100_000 + b"]" * 100_000 + b"\n"
    assert verify([nested]).problem is not None


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_dishonest_sealer_crashes_nobody(data: st.DataObject) -> None:
    """Rows of any shape under good signatures are named, not crashed over."""
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

    async def story() -> None:
        book = Book()
        made = await book.spend()
        name = document_types.record(made.ended, made.id)
        await book.store.write(Put(name, {**made.pack(), field: odd}))
        await book.seal()
        verdict(await book.lines())

    run(story())


def test_a_forged_position_is_found() -> None:
    """Who moves the place where sealing stands breaks the chain, and cannot make two."""

    async def story() -> None:
        book = await written((2,))
        (document,) = await book.store.get(POSITION)
        assert document is not None
        await book.store.write(Put(POSITION, {**document.body, "head": "1" * 64}))
        await book.spend()
        await book.seal()
        assert verdict(await book.lines()).problem is not None
        assert await book.store.get(Name(document_types.SEALS, "2026-11-22/000002")) != [None]

    run(story())


def test_an_exporter_without_the_sealers_pepper_is_found() -> None:
    """Seals of another pepper than the header's are named: a pepper that was changed shows."""

    async def story() -> None:
        book = await written((1,))
        other = Signer(b"another pepper altogether")
        lines = [line.encode() async for line in export(book.store, other, book.clock)]
        assert named(lines, public_key=other.public)[1] == "seal 2026-11-22/000001"
        await Sealer(book.store, other, book.clock).run()

    run(story())
    assert SIGNER.public not in repr(Signer(b"x"))

"""The matrix of what every dialect can carry, from a fresh run against every simulated provider."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tools import build_support
from vaultcore.capability_matrix.answer import Answer
from vaultcore.capability_matrix.capability import Capability
from vaultcore.capability_matrix.cell import Cell, Mark, best
from vaultcore.capability_matrix.matrix import Matrix
from vaultcore.capability_matrix.offered import CAPABILITIES, asked
from vaultcore.capability_matrix.run import matrix
from vaultcore.capability_matrix.subject import simulated
from vaultcore.catalog.load import builtin
from vaultcore.dialects import NAMES


@pytest.fixture(scope="module")
def found() -> Matrix:
    return build_support.fresh()


def run(name: str, *capabilities: Capability) -> dict[str, Cell]:
    columns = asyncio.run(matrix([name], builtin(), capabilities)).columns
    return {each.title: columns[name][each.title] for each in capabilities}


@pytest.mark.parametrize("name", simulated())
def test_nothing_is_lost_or_wrong(found: Matrix, name: str) -> None:
    """Every capability is carried, emulated, reported or refused by every dialect: none fails."""
    assert [line for line in found.failures() if line.startswith(f"{name}:")] == []
    assert set(found.columns[name]) >= {each.title for each in CAPABILITIES}


def test_every_dialect_is_simulated() -> None:
    """A dialect without a simulated provider would be missing from the table."""
    assert set(NAMES) - set(simulated()) == set()


@pytest.mark.parametrize("name", simulated())
@pytest.mark.parametrize(
    "title", ["text", "streaming", "usage, streamed too", "tools", "tool results", "several turns"]
)
def test_what_everybody_has(found: Matrix, name: str, title: str) -> None:
    """Text, streams, usage, tools and their results go through as they are, whoever answers."""
    assert found.columns[name][title].mark is Mark.YES


def test_the_readme_tells_what_a_run_finds(found: Matrix) -> None:
    """README.md holds the table of a fresh run, as `make docs` writes it."""
    text = build_support.README.read_text("utf-8")

    assert build_support.written(text, found) == text


def test_a_wrong_answer_is_a_failure() -> None:
    """A capability that no answer shows is no success, though the provider took the request."""
    never = Capability("never", "messages", asked(), shown=lambda _: False)

    assert run("openai", never)["never"].mark is Mark.FAILED


def test_silence_is_a_failure() -> None:
    """What changes nothing that is sent, and is not reported, is lost."""
    same = Capability("same", "user", asked(), without=asked())

    assert run("openai", same)["same"] == Cell(Mark.FAILED, "lost in silence", "gpt-4o")


def test_a_refusal_has_to_name_it() -> None:
    """A 400 that names another parameter is a failure."""
    audio = next(each for each in CAPABILITIES if each.title == "audio in")
    blamed = replace(audio, path="temperature")

    assert run("anthropic", audio)["audio in"].mark is Mark.REFUSED
    assert run("anthropic", blamed)["audio in"].mark is Mark.FAILED


def test_the_best_model_counts_unless_one_fails() -> None:
    """A cell is what the best model gives; a defect with any of them shows."""
    yes, told, failed = Cell(Mark.YES), Cell(Mark.REPORTED), Cell(Mark.FAILED, "lost in silence")

    assert best([told, yes]) == yes
    assert best([yes, failed, told]) == failed


def test_calls_are_put_together_by_their_index() -> None:
    """Fragments of parallel calls do not run into each other."""
    from vaultcore.capability_matrix.answer import Called, folded

    parts = [(0, "weather", '{"a":'), (1, "tide", "{}"), (0, "", "1}")]
    chunks = [
        {
            "choices": [
                {
                    "index": 0,
                    "delta": {"tool_calls": [{"index": i, "function": {"name": name, "arguments": text}}]},
                    "finish_reason": None,
                }
            ]
        }
        for i, name, text in parts
    ]

    assert folded(chunks) == Answer(calls=[Called("", "weather", '{"a":1}'), Called("", "tide", "{}")])  # type: ignore[arg-type]

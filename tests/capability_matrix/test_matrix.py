"""The capability matrix: a fresh run of every capability against every simulated provider."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tools import build_support
from vaultcore.capability_matrix.capabilities import CAPABILITIES, chat_body
from vaultcore.capability_matrix.capability import Capability
from vaultcore.capability_matrix.matrix import Matrix
from vaultcore.capability_matrix.observed_response import ObservedResponse, ObservedToolCall, from_chunks
from vaultcore.capability_matrix.run import build_matrix
from vaultcore.capability_matrix.simulated_dialect import simulated_dialects
from vaultcore.capability_matrix.support import MatrixCell, Support, best_cell
from vaultcore.catalog.load import load_builtin
from vaultcore.dialects import DIALECTS


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return build_support.build_simulated_matrix()


def run(name: str, capability: Capability) -> MatrixCell:
    """Return the cell of one capability in one dialect."""
    columns = asyncio.run(build_matrix([name], load_builtin(), [capability])).columns
    return columns[name][capability.title]


@pytest.mark.parametrize("name", simulated_dialects())
def test_no_capability_fails(matrix: Matrix, name: str) -> None:
    """Every dialect supports, emulates, reports or refuses every capability: none fails."""
    assert [line for line in matrix.failures() if line.startswith(f"{name}:")] == []
    assert set(matrix.columns[name]) >= {each.title for each in CAPABILITIES}


def test_every_dialect_is_simulated() -> None:
    """Every dialect has a simulated provider, so that none is missing from the table."""
    assert set(DIALECTS) - set(simulated_dialects()) == set()


@pytest.mark.parametrize("name", simulated_dialects())
@pytest.mark.parametrize(
    "title", ["text", "streaming", "usage, also in streams", "tools", "tool results", "several messages"]
)
def test_every_dialect_supports_the_basics(matrix: Matrix, name: str, title: str) -> None:
    """Text, streams, usage, tools and tool results work unchanged in every dialect."""
    assert matrix.columns[name][title].support is Support.YES


def test_support_matrix_page_is_current(matrix: Matrix) -> None:
    """docs/support-matrix.md contains the table of a fresh run, as `make docs` writes it."""
    text = build_support.PAGE.read_text("utf-8")

    assert build_support.replace_table(text, matrix) == text


def test_a_wrong_response_is_a_failure() -> None:
    """A capability that no response shows fails, although the provider accepted the request."""
    capability = Capability("never", "messages", chat_body(), check=lambda _: False)

    assert run("openai", capability).support is Support.FAILED


def test_an_unreported_drop_is_a_failure() -> None:
    """A capability that does not change the provider request and is not reported fails."""
    capability = Capability("same", "user", chat_body(), baseline=chat_body())

    expected = MatrixCell(Support.FAILED, "dropped without a report", "gpt-4o")
    assert run("openai", capability) == expected


def test_a_refusal_must_name_the_parameter() -> None:
    """A 400 error that names another parameter is a failure."""
    audio = next(each for each in CAPABILITIES if each.title == "audio input")
    other_path = replace(audio, path="temperature")

    assert run("anthropic", audio).support is Support.REFUSED
    assert run("anthropic", other_path).support is Support.FAILED


def test_the_best_model_counts_unless_one_fails() -> None:
    """A cell is that of the best model, or that of a model with a defect."""
    yes, reported = MatrixCell(Support.YES), MatrixCell(Support.REPORTED)
    failed = MatrixCell(Support.FAILED, "dropped without a report")

    assert best_cell([reported, yes]) == yes
    assert best_cell([yes, failed, reported]) == failed


def test_tool_calls_are_joined_by_index() -> None:
    """Fragments of parallel tool calls are joined by their index."""
    fragments = [(0, "weather", '{"a":'), (1, "tide", "{}"), (0, "", "1}")]
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
        for i, name, text in fragments
    ]

    calls = [ObservedToolCall("", "weather", '{"a":1}'), ObservedToolCall("", "tide", "{}")]
    assert from_chunks(chunks) == ObservedResponse(calls=calls)  # type: ignore[arg-type]

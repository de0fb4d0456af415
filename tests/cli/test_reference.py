"""docs/cli.md, the generated reference of the commands."""

from __future__ import annotations

import re

import pytest

from tools.build_cli_reference import PAGE, render
from vaultcore.cli.main import COMMANDS, build_parser


def test_the_page_is_up_to_date() -> None:
    """The page is what `make docs` writes; run it after every change of a command or a help text."""
    assert PAGE.read_text("utf-8") == render()


def test_every_command_has_a_section() -> None:
    """Every command has a heading, in the order of `vaultedge --help`."""
    assert re.findall(r"^## vaultedge (\S+)$", render(), re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("columns", ["40", "200"])
def test_the_terminal_does_not_matter(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is the same for every width of the terminal."""
    monkeypatch.setenv("COLUMNS", columns)

    assert render() == PAGE.read_text("utf-8")


def test_usage_matches_argparse() -> None:
    """Required arguments have no brackets and alternatives are separated by |, as in `--help`."""
    page = " ".join(render().split())

    assert "vaultedge vault add-key --provider NAME [--key -] ```" in page
    assert "vaultedge conformance [--json] [DIALECT ...] ```" in page
    assert "vaultedge explain [--prompt PROMPT] [--providers FILE] [--json] MODEL ```" in page
    assert "[--json | --show-system-key | --show-admin-key] ```" in page


def test_every_argument_has_a_help_text() -> None:
    """No command, option or argument is without an explanation."""
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", render(), re.MULTILINE)

    assert len(rows) > 100
    assert [name for name, meaning in rows if not meaning] == []
    assert build_parser().format_help().startswith("usage: vaultedge")

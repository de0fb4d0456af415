"""docs/clients.md and the console's client list, which are generated from one file."""

from __future__ import annotations

from tools.build_clients import LIST, PAGE, render_list, render_page
from vaultcore.cli.connect.client import load_clients


def test_the_page_is_up_to_date() -> None:
    """The page is what `make docs` writes."""
    assert PAGE.read_text("utf-8") == render_page(load_clients())


def test_the_list_of_the_console_is_up_to_date() -> None:
    """The console has the same clients and settings as the page."""
    assert LIST.read_text("utf-8") == render_list(load_clients())

"""`vaultedge connect`: prints a client's configuration, or merges it into files that exist."""

from __future__ import annotations

import io
import json
import tomllib
from pathlib import Path

import pytest
import yaml

from vaultcore.cli.connect.client import ConnectSettings, load_clients
from vaultcore.cli.connect.merge import CannotMerge, merge_text
from vaultcore.cli.connect.text import render
from vaultcore.cli.main import main

KEY = "vg-sentinel-of-this-test"
CONNECTION = ConnectSettings("http://127.0.0.1:8787", "fast", KEY)
FILES = [(client.id, file) for client in load_clients().values() for file in client.files]


def connect(*arguments: str, home: Path, stdin: str = "") -> tuple[int, str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    environ = {"HOME": str(home), "VAULTEDGE_KEY": KEY}
    status = main(["connect", *arguments], io.StringIO(stdin), stdout, stderr, environ)
    return status, stdout.getvalue(), stderr.getvalue()


@pytest.mark.parametrize("client", load_clients())
def test_a_configuration_is_printed_without_the_key(client: str, tmp_path: Path) -> None:
    """The printed configuration names the gateway and the model, not the key, and nothing is written."""
    status, printed, _ = connect(client, "--model", "fast", home=tmp_path)

    assert status == 0
    assert "http://127.0.0.1:8787" in printed
    assert "fast" in printed
    assert KEY not in printed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("client", dict.fromkeys(client for client, _ in FILES))
def test_written_files_are_read_again(client: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run with the same values changes nothing, and the key is only in files of the owner."""
    monkeypatch.chdir(tmp_path)
    connect(client, "--write", "--yes", home=tmp_path)
    status, printed, errors = connect(client, "--write", "--yes", home=tmp_path)

    assert (status, printed) == (0, "")
    assert "is connected already" in errors
    with_key = [path for path in tmp_path.rglob("*") if path.is_file() and KEY in path.read_text()]
    assert [oct(path.stat().st_mode & 0o077) for path in with_key] == ["0o0"] * len(with_key)


def test_the_key_of_a_file_is_printed_on_request(tmp_path: Path) -> None:
    """`--show-key` prints the key in the file that contains it; a diff never has it."""
    _, printed, _ = connect("llm", "--show-key", home=tmp_path)
    _, diff, _ = connect("llm", "--write", "--yes", home=tmp_path)

    assert KEY in printed
    assert KEY not in diff


def test_a_library_has_no_file(tmp_path: Path) -> None:
    """`--write` for a library is misuse, and says what to run."""
    status, _, errors = connect("openai-python", "--write", home=tmp_path)

    assert status == 2
    assert "no file to write" in errors


def test_nothing_is_written_without_consent(tmp_path: Path) -> None:
    """Without a terminal to ask on, `--write` needs `--yes`."""
    status, _, errors = connect("codex", "--write", home=tmp_path)

    assert status == 2
    assert "--yes" in errors
    assert not (tmp_path / ".codex").exists()


@pytest.mark.parametrize(("client", "file"), FILES, ids=lambda each: getattr(each, "name", each))
def test_a_file_keeps_what_the_user_has_set(client: str, file: object) -> None:
    """Merging into a real configuration keeps its other values."""
    existing = EXISTING[file.format]  # type: ignore[attr-defined]
    content = file.filled(CONNECTION)  # type: ignore[attr-defined]
    if file.format == "yaml" and isinstance(content, dict):  # type: ignore[attr-defined]
        existing = "auto-commits: false\nmodels: [{name: mine, provider: ollama}]\n"

    merged = merge_text(existing, file, content)  # type: ignore[arg-type]

    values = PARSERS[file.format](merged)  # type: ignore[attr-defined]
    before = PARSERS[file.format](existing)  # type: ignore[attr-defined]
    requested = PARSERS[file.format](render(content, file.format))  # type: ignore[attr-defined]
    assert contains(values, before, but=requested)
    assert contains(values, requested)


EXISTING = {
    "json": json.dumps({"theme": "dark", "mcpServers": {"mine": {"command": "mine"}}, "env": {"MINE": "1"}}),
    "toml": (
        'model = "mine"  # my favorite\napproval_policy = "never"\n\n[mcp_servers.mine]\ncommand = "mine"\n\n'
        '[model_providers.vaultedge]\nname = "old"\nold = true\n\n[model_providers.mine]\nname = "Mine"\n'
    ),
    "yaml": "- {model_id: mine, model_name: mine}\n- {model_id: vaultedge, model_name: old}\n",
    "dotenv": "MINE=1\nGEMINI_API_KEY=old\n",
}
PARSERS = {
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
    "dotenv": lambda text: dict(line.split("=", 1) for line in text.splitlines()),
}


def contains(values: object, part: object, *, but: object = None) -> bool:
    """Return True if `values` has everything in `part`, except what `but` replaces."""
    match values, part:
        case dict(), dict():
            others = but if isinstance(but, dict) else {}
            return all(
                name in values and (contains(values[name], each, but=others.get(name)) or name in others)
                for name, each in part.items()
            )
        case list(), list():
            return all(each in values or any(_is_replaced(each, new) for new in values) for each in part)
        case _:
            return values == part


def _is_replaced(each: object, new: object) -> bool:
    return isinstance(each, dict) and isinstance(new, dict) and each.get("model_id") == new.get("model_id")


def test_comments_of_toml_stay() -> None:
    """A comment and a table of the user are as they were; a replaced table has no old fields."""
    [file] = load_clients()["codex"].files

    existing = EXISTING["toml"].replace("approval", "# mine\napproval")
    merged = merge_text(existing, file, file.filled(CONNECTION))

    assert "# mine" in merged
    assert "old" not in merged
    assert tomllib.loads(merged)["model"] == "fast"


def test_a_file_with_comments_that_would_be_lost_is_not_written() -> None:
    """JSON with comments is refused, with what to do."""
    [file] = load_clients()["opencode"].files

    with pytest.raises(CannotMerge) as error:
        merge_text('{"theme": "dark"  // mine\n}', file, file.filled(CONNECTION))

    assert "without --write" in error.value.hint

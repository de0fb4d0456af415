"""The wheel, built and installed outside the checkout, without a package index."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Mapping
from email.parser import Parser
from pathlib import Path

import pytest

from tests.sources import ROOT

pytestmark = pytest.mark.slow
PIP = ("-m", "pip", "-q", "--disable-pip-version-check")
SOURCES = ("vaultcore", "handlers", "pyproject.toml", "README.md", "LICENSE")
SERVE_EXTRA = ("uvicorn",)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the checkout."""
    folder = tmp_path_factory.mktemp("build")
    for name in SOURCES:
        source, target = ROOT / name, folder / "source" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    options = ("--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder))
    run([sys.executable, *PIP, "wheel", *options, str(folder / "source")], folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment with the wheel, and this environment's packages as dependencies."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    options = ("--python", str(python), "install", "--no-deps", "--no-index")
    run([sys.executable, *PIP, *options, str(wheel)], folder)
    (site,) = folder.glob("lib/python*/site-packages")
    # The files of a directory in a .pth file are found, its own .pth files are not: no editable checkout.
    (site / "dependencies.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n")
    return python


def run(
    command: list[str], folder: Path, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with an environment that does not name the checkout."""
    environ = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environ, "HOME": str(folder), **(more or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if more is None:
        assert done.returncode == 0, done.stderr
    return done


def test_every_data_file_is_in_the_wheel(wheel: Path) -> None:
    """Console, catalog and all other files of the package are in the wheel, byte for byte."""
    files = {
        path.relative_to(ROOT).as_posix(): path
        for package in ("vaultcore", "handlers")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
        different = [name for name in packed & files.keys() if archive.read(name) != files[name].read_bytes()]

    assert sorted(files.keys() - packed - {"handlers/run_stream"}) == []
    assert different == []
    assert any(name.startswith("vaultcore/console/") and name.endswith(".js") for name in packed)


def test_the_server_is_an_extra(wheel: Path) -> None:
    """Without extras, no HTTP server is installed; `serve` adds uvicorn."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        required = Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist") or []

    for package in SERVE_EXTRA:
        (line,) = [each for each in required if each.startswith(package)]
        assert 'extra == "serve"' in line


def test_the_demo_runs_outside_the_checkout(python: Path, tmp_path: Path) -> None:
    """The installed command makes its three requests and exits with 0, from any directory."""
    where = run([str(python), "-c", "import vaultcore; print(vaultcore.__file__)"], tmp_path)
    done = run([str(python.with_name("vaultedge")), "demo", "--once"], tmp_path)

    assert Path(where.stdout.strip()).is_relative_to(python.parents[1])
    assert done.stderr == ""
    assert "first token after" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["serve"], ["demo", "--once"]])
def test_a_missing_extra_is_named(command: list[str], python: Path, tmp_path: Path) -> None:
    """Installed without the extra, `serve` and `demo` say what to install, in one line and a hint."""
    blocker = tmp_path / "blocker"
    for package in SERVE_EXTRA:
        (blocker / package).mkdir(parents=True)
        (blocker / package / "__init__.py").write_text("raise ModuleNotFoundError(__name__)\n")

    done = run([str(python.with_name("vaultedge")), *command], tmp_path, {"PYTHONPATH": str(blocker)})

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "vaultedge: hint: pip install 'vaultedge-serverless[serve]'"
    assert len(done.stderr.splitlines()) == 2

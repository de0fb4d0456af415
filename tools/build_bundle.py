"""Fill a folder with what a function is made of, the same to the bit wherever and whenever that is done.

    python -m tools.build_bundle stream --libs build/locked-arm64 --into FOLDER [--compiler python3.13 ...]

Taken are the files of the distributions that the function needs, each checked against its archive's own list,
and our sources; left out is what no function reads. The standard library is all that this needs: `sam build`
runs it. What is printed is a digest of all names, modes and contents.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools import locked, sbom

ROOT = Path(__file__).resolve().parent.parent
DATA_PLANE = frozenset({"botocore", "cryptography", "httpx", "mangum", "pyyaml", "starlette"})
BUNDLES: Mapping[str, frozenset[str]] = {
    "stream": DATA_PLANE,
    "admin": DATA_PLANE | {"fastapi"},
    "upkeep": DATA_PLANE,
}
SERVICES = ("dynamodb", "secretsmanager", "sns", "sts")  # the AWS APIs that are called; each is 10 to 500 KB
OURS = ("handlers", "vaultcore")
ELSEWHERE = ("vaultcore/cli", "vaultcore/simulators", "vaultcore/conformance")  # of the command line alone
PARTS = {"vaultcore/console": "stream", "vaultcore/web/admin": "admin"}  # each of one function alone
EXECUTABLE = "handlers/run_stream"
BILL = "sbom.cdx.json"
RUNTIME = "3.13"
TASK = "/var/task"  # where Lambda unpacks it
EPOCH = 315532800  # 1980-01-01: what `sam package` stamps files with too
NEEDLESS = frozenset({"pycparser"})  # of what is required: C sources are read where libraries are compiled
LEFT_OUT = re.compile(
    r"\.pth$|\.pyi$|(^|/)tests?/|^cffi/"  # of cffi, what libraries call is _cffi_backend
    r"|^_yaml/|^yaml/_yaml\."  # 2.6 MB that make an overlay's few lines read sooner
    r"|^botocore/cacert\.pem$|^dateutil/zoneinfo/.*\.tar\.gz$"  # certifi's is used, and no zone but UTC
    rf"|^botocore/data/(?!({'|'.join(SERVICES)})/)[^/]+/"
)
# No start imports these: their byte code would be 2 MB that nobody reads.
UNCOMPILED = r"/(anyio/(_backends|streams)|cryptography/x509|httpcore|yaml)/"


def main(argv: Sequence[str]) -> int:
    args = _arguments(argv)
    args.into.mkdir(parents=True, exist_ok=True)
    lock = locked.pins((ROOT / "requirements.txt").read_text("utf-8"))
    found = locked.closure(BUNDLES[args.bundle], locked.installed(args.libs, lock))
    held = [each for each in found if each.name not in NEEDLESS]
    for name, content in _files(held, without(args.bundle)):
        write(args.into / name, content)
    compiled = compile_all(args.into, args.compiler, "" if args.bundle == "admin" else UNCOMPILED)
    about = _bill(args.bundle, held)
    write(args.into / BILL, about)
    settle(args.into)
    if args.bill:
        write(args.bill, about)
    if args.zip:
        pack(args.into, args.zip)
    if not compiled:
        print(
            f"no Python {RUNTIME} here: cold starts will compile, which takes three times as long",
            file=sys.stderr,
        )
    print(f"{digest(args.into)}  {args.bundle}, {size(args.into) / 1e6:.1f} MB unpacked")
    return 0


def without(bundle: str) -> tuple[str, ...]:
    """What of ours is left out of a bundle."""
    return (*ELSEWHERE, *(folder for folder, whose in PARTS.items() if whose != bundle))


def _files(held: Sequence[locked.Distribution], without: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    for distribution in held:
        for name, content in locked.read(distribution):
            if not LEFT_OUT.search(name):
                yield name, content
    packaged = ("*.py", *_project("tool")["setuptools"]["package-data"]["vaultcore"])
    for folder in OURS:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            ours = name == EXECUTABLE or any(path.match(pattern.removeprefix("**/")) for pattern in packaged)
            if path.is_file() and ours and not name.startswith(without):
                yield name, path.read_bytes()


def _project(table: str) -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))[table])


def _bill(bundle: str, held: Sequence[locked.Distribution]) -> bytes:
    project = _project("project")
    return sbom.bill(project["name"], project["version"], project["license"], bundle, held)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def compile_all(folder: Path, compilers: Sequence[str], but: str = "") -> bool:
    """Make byte code with the first of these interpreters that is the function's; False where none is.

    In one process and in one order, and checked against no time stamp: a deployment package keeps none.
    """
    which = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != '{RUNTIME}')"
    how = ["-m", "compileall", "-q", "-j", "1", "-s", str(folder), "-p", TASK]
    how += ["--invalidation-mode", "unchecked-hash", *(["-x", but] if but else []), str(folder)]
    for python in compilers:
        try:
            fits = subprocess.run([python, "-c", which], capture_output=True, check=False).returncode == 0
        except OSError:
            continue
        if fits:
            environ = {**os.environ, "PYTHONHASHSEED": "0"}
            environ.pop("PYTHONPYCACHEPREFIX", None)
            subprocess.run([python, *how], env=environ, check=True)
            return True
    return False


def settle(folder: Path) -> None:
    """Modes and times as they are on any machine, whatever its umask and clock."""
    for path in (*folder.rglob("*"), folder):
        executable = path.is_dir() or path == folder / EXECUTABLE
        path.chmod(0o755 if executable else 0o644)
        os.utime(path, (EPOCH, EPOCH))


def digest(folder: Path) -> str:
    """One for all names, modes and contents."""
    told = hashlib.sha256()
    for path in files(folder):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        told.update(
            f"{content} {path.stat().st_mode & 0o777:o} {path.relative_to(folder).as_posix()}\n".encode()
        )
    return told.hexdigest()


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in files(folder))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def pack(folder: Path, target: Path) -> None:
    """A ZIP file, which comes out the same again where zlib is the same."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for path in files(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())  # of 1980, like the files
            entry.create_system, entry.external_attr = 3, path.stat().st_mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, path.read_bytes())


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="build_bundle", description=__doc__, allow_abbrev=False)
    parser.add_argument("bundle", choices=sorted(BUNDLES))
    parser.add_argument("--libs", type=Path, required=True, help="where pip has installed the lock")
    parser.add_argument("--into", type=Path, required=True, help="the folder to fill")
    parser.add_argument("--bill", type=Path, help="a copy of the bill of materials")
    parser.add_argument("--zip", type=Path, help="and all of it in one file")
    parser.add_argument(
        "--compiler", nargs="*", default=[], help=f"interpreters, one of them Python {RUNTIME}"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

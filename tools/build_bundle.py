"""Build the deployment package of a Lambda function in a folder, reproducibly to the byte.

    python -m tools.build_bundle stream --libs build/locked-arm64 --into FOLDER [--compiler python3.13 ...]

The package contains the sources and the files of the distributions that the function needs. Each file is
checked against its archive's RECORD. Files that no function reads are excluded. `sam build` runs this module,
which therefore needs the standard library only. It prints a digest of all names, modes and contents.
"""

from __future__ import annotations

import argparse
import hashlib
import json
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
DATA_PLANE = frozenset(
    {"botocore", "cryptography", "httptools", "httpx", "mangum", "orjson", "pyyaml", "starlette"}
)
FORMS = frozenset({"python-multipart"})  # files that clients send
BUNDLES: Mapping[str, frozenset[str]] = {
    "stream": DATA_PLANE | FORMS,
    "admin": DATA_PLANE | FORMS | {"fastapi"},
    "upkeep": DATA_PLANE,
}
SERVICES = ("dynamodb", "secretsmanager", "sns", "sts")  # AWS APIs in use; the data of each has 10 to 500 KB
ENDPOINTS = "botocore/data/endpoints.json"
SOURCES = ("handlers", "vaultcore")
CLI_ONLY = ("vaultcore/cli", "vaultcore/simulators", "vaultcore/capability_matrix")  # no function uses these
FUNCTION_FOLDERS = {"vaultcore/console": "stream", "vaultcore/web/admin": "admin"}  # used by one function
EXECUTABLE = "handlers/run_stream"
SBOM = "sbom.cdx.json"
RUNTIME = "3.13"
TASK = "/var/task"  # where Lambda unpacks the package
EPOCH = 315532800  # 1980-01-01 in seconds since the epoch; `sam package` uses it as well
UNUSED = frozenset({"pycparser"})  # required by cffi, only to compile C sources
EXCLUDED = re.compile(
    r"\.pth$|\.pyi$|(^|/)tests?/|^cffi/"  # libraries use _cffi_backend only
    r"|^_yaml/|^yaml/_yaml\."  # 2.6 MB that only parse large YAML files faster
    r"|^botocore/cacert\.pem$|^dateutil/zoneinfo/.*\.tar\.gz$"  # certifi and UTC are used
    rf"|^botocore/data/(?!({'|'.join(SERVICES)})/)[^/]+/"
    r"|^(anyio/pytest_plugin|httpx/_main|starlette/testclient)\.py$|^urllib3/contrib/emscripten/"
    r"|^httptools/.*\.px[dy]$"
    r"|^idna/uts46data\.py$"  # 0.2 MB of names that browsers map to other ones: no host is one
)
# No cold start imports these modules: their byte code would be 3 MB that is never read.
UNCOMPILED = (
    r"/(anyio/(_backends|streams)|cryptography/x509|h11|httpcore|yaml)/|/urllib3/contrib/pyopenssl\.py$"
    r"|/cryptography/(fernet\.py$|hazmat/(asn1|primitives/(asymmetric|serialization))/)"
    r"|/anyio/(_core/_(fileio|sockets|tempfile|subprocesses)|from_thread|itertools|functools|to_process)\.py$"
    r"|/idna/(codec|cli)\.py$|/dateutil/(rrule\.py$|zoneinfo/)|/botocore/(crt/auth|stub)\.py$"
    r"|/starlette/(middleware/(?!__init__|body_limit)|(authentication|config|endpoints|schemas)\.py$)"
    r"|/starlette/(staticfiles|templating)\.py$"
    r"|/dialects/[a-z]+/wire\.py$"
)


def main(argv: Sequence[str]) -> int:
    args = _arguments(argv)
    args.into.mkdir(parents=True, exist_ok=True)
    lock = locked.parse_pins((ROOT / "requirements.txt").read_text("utf-8"))
    required = locked.closure(BUNDLES[args.bundle], locked.read_installed(args.libs, lock))
    distributions = [each for each in required if each.name not in UNUSED]
    for name, content in _read_sources(distributions, excluded_folders(args.bundle)):
        write(args.into / name, content)
    compiled = compile_all(args.into, args.compiler, "" if args.bundle == "admin" else UNCOMPILED)
    bill = _build_sbom(args.bundle, distributions)
    write(args.into / SBOM, bill)
    normalize_metadata(args.into)
    if args.bill:
        write(args.bill, bill)
    if args.zip:
        pack(args.into, args.zip)
    if not compiled:
        print(
            f"no Python {RUNTIME} found: without byte code, cold starts take three times as long",
            file=sys.stderr,
        )
    print(f"{digest(args.into)}  {args.bundle}, {size(args.into) / 1e6:.1f} MB unpacked")
    return 0


def excluded_folders(bundle: str) -> tuple[str, ...]:
    """Return the folders of our sources that a bundle does not contain."""
    return (*CLI_ONLY, *(folder for folder, user in FUNCTION_FOLDERS.items() if user != bundle))


def _read_sources(
    distributions: Sequence[locked.Distribution], excluded: tuple[str, ...]
) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of every file of the package."""
    folders = tuple(f"{folder}/" for folder in excluded)
    for distribution in distributions:
        for name, content in locked.read_files(distribution):
            if not EXCLUDED.search(name):
                yield name, _used_endpoints(content) if name == ENDPOINTS else content
    packaged = ("*.py", *_project("tool")["setuptools"]["package-data"]["vaultcore"])
    patterns = [pattern.removeprefix("**/") for pattern in packaged]
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            included = name == EXECUTABLE or any(map(path.match, patterns))
            if path.is_file() and included and not name.startswith(folders):
                yield name, path.read_bytes()


def _used_endpoints(content: bytes) -> bytes:
    """Return botocore's endpoints with the AWS APIs in use: all of them are 1.2 MB, read at a cold start."""
    endpoints = json.loads(content)
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in SERVICES if name in services}
    return json.dumps(endpoints, separators=(",", ":")).encode()


def _project(table: str) -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))[table])


def _build_sbom(bundle: str, distributions: Sequence[locked.Distribution]) -> bytes:
    project = _project("project")
    return sbom.build_sbom(project["name"], project["version"], project["license"], bundle, distributions)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def compile_all(folder: Path, compilers: Sequence[str], exclude: str = "") -> bool:
    """Compile byte code with the first interpreter of version RUNTIME; return False if there is none.

    One process compiles in a fixed order. The byte code does not check time stamps, because packages do not
    keep them. `exclude` is a pattern of paths.
    """
    check = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != '{RUNTIME}')"
    arguments = ["-m", "compileall", "-q", "-j", "1", "-s", str(folder), "-p", TASK]
    arguments += ["--invalidation-mode", "unchecked-hash", *(["-x", exclude] if exclude else []), str(folder)]
    for python in compilers:
        try:
            matches = subprocess.run([python, "-c", check], capture_output=True, check=False).returncode == 0
        except OSError:
            continue
        if matches:
            environ = {**os.environ, "PYTHONHASHSEED": "0"}
            environ.pop("PYTHONPYCACHEPREFIX", None)
            subprocess.run([python, *arguments], env=environ, check=True)
            return True
    return False


def normalize_metadata(folder: Path) -> None:
    """Set modes and times to fixed values, whatever the umask and the clock of the machine."""
    for path in (*folder.rglob("*"), folder):
        executable = path.is_dir() or path == folder / EXECUTABLE
        path.chmod(0o755 if executable else 0o644)
        os.utime(path, (EPOCH, EPOCH))


def digest(folder: Path) -> str:
    """Return one SHA-256 of all names, modes and contents, in hex."""
    total = hashlib.sha256()
    for path in files(folder):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(
            f"{content} {path.stat().st_mode & 0o777:o} {path.relative_to(folder).as_posix()}\n".encode()
        )
    return total.hexdigest()


def size(folder: Path) -> int:
    """Return the size of all files in bytes."""
    return sum(path.stat().st_size for path in files(folder))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def pack(folder: Path, target: Path) -> None:
    """Write a ZIP file. The same content and the same version of zlib give the same bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for path in files(folder):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())  # dated 1980, like the files
            entry.create_system, entry.external_attr = 3, path.stat().st_mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, path.read_bytes())


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="build_bundle", description=__doc__, allow_abbrev=False)
    parser.add_argument("bundle", choices=sorted(BUNDLES))
    parser.add_argument(
        "--libs", type=Path, required=True, help="the folder into which pip installed the lock file"
    )
    parser.add_argument("--into", type=Path, required=True, help="the folder to fill")
    parser.add_argument("--bill", type=Path, help="write a copy of the bill of materials here")
    parser.add_argument("--zip", type=Path, help="write the package as a ZIP file here")
    parser.add_argument(
        "--compiler", nargs="*", default=[], help=f"interpreters, one of which should be Python {RUNTIME}"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

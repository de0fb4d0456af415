"""`make bench-cold`: CPU and memory from a function's start to its first answer; see docs/performance.md.

Each function runs as it is deployed, from its bundle and on its own Python, under AWS's runtime emulator. In
the same rounds run the baselines: imports of the libraries that such a gateway cannot do without, each in a
process of its own and then summed, and all in one process, where what they share is imported once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from tests.bench import hotspots
from tests.bench.cold_start import FUNCTIONS, Cold, Seen, Surroundings, surroundings
from tests.bench.process import Cores, busy, machine, pinned

LIBRARIES = {
    "starlette": "import starlette.applications",
    "httpx": "import httpx",
    "cryptography": """from cryptography.hazmat.primitives.ciphers import aead
from cryptography.hazmat.primitives.kdf import pbkdf2""",
    "boto3": """import boto3
for name in ("secretsmanager", "dynamodb"):
    boto3.client(name, "eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")""",
}
MEASURED = """
import resource
def used():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
began = used()
{imports}
ended = used()
import json, re
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
print(json.dumps([began, ended, peak]))
"""
SUM, TOGETHER = "libraries, summed", "libraries, together"
Rounds = Mapping[str, Sequence[Mapping[str, float]]]
SLOWER, MEMORY = 1.3, 90.0  # what the data plane may take: times its libraries' sum; MiB
DATA_PLANE = "stream"
# A cache elsewhere makes Python pass over the byte code in the bundle, and nothing is written there.
COMPILING = {"PYTHONPYCACHEPREFIX": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}


def main(argv: Sequence[str]) -> int:
    args = _arguments(argv)
    cold = Cold(str(Path(args.python).absolute()), args.bundles.resolve(), args.runtime.resolve())
    cores = Cores.split()
    with tempfile.TemporaryDirectory() as folder, surroundings(Path(folder)) as around:
        seen = _rounds(args, cold, around, cores)
        imports = cold.start(DATA_PLANE, around, cores, PYTHONPROFILEIMPORTTIME="1").output
    if args.json:
        json.dump(seen, sys.stdout)
        return 0
    print(f"{machine()} drives Python {_version(args.python)}; {args.rounds} interleaved rounds")
    print(*table(seen), "", *verdict(seen), sep="\n")
    print(*hotspots.slowest(f"{DATA_PLANE}, to its first answer", imports), sep="\n")
    return 0


def _rounds(
    args: argparse.Namespace, cold: Cold, around: Surroundings, cores: Cores
) -> dict[str, list[dict[str, float]]]:
    seen: dict[str, list[dict[str, float]]] = {}
    for number in range(args.rounds + 1):  # the first one only fills the machine's caches
        began = busy()
        found = baselines(cold.python, args.libs.resolve(), cores)
        found |= {name: cold.start(name, around, cores).seen for name in FUNCTIONS}
        found[f"{DATA_PLANE}, compiling"] = cold.start(DATA_PLANE, around, cores, **COMPILING).seen
        if number:
            for name, figures in found.items():
                seen.setdefault(name, []).append(figures._asdict())
        print(f"round {number}: {busy() - began:.1f} s of CPU in all", file=sys.stderr)
    return seen


def baselines(python: str, libs: Path, cores: Cores) -> dict[str, Seen]:
    """What the libraries take: the sum has one start of the interpreter in it, like everything else."""
    alone = [_imported(python, libs, cores, code) for code in LIBRARIES.values()]
    _, together, peak = _imported(python, libs, cores, "\n".join(LIBRARIES.values()))
    start = min(began for began, _, _ in alone)
    summed = start + sum(ended - began for began, ended, _ in alone)
    return {SUM: Seen(summed, max(peak for _, _, peak in alone)), TOGETHER: Seen(together, peak)}


def _imported(python: str, libs: Path, cores: Cores, imports: str) -> list[float]:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(libs), "HOME": "/nonexistent", **_bytecode(libs)}
    with pinned(cores.target):
        code = MEASURED.replace("{imports}", imports)
        done = subprocess.run([python, "-c", code], env=environ, capture_output=True, check=True, text=True)
    return list(json.loads(done.stdout))


def _bytecode(libs: Path) -> Mapping[str, str]:
    """Of the baseline's libraries: kept outside of them, as they are also what bundles are made from."""
    return {"PYTHONPYCACHEPREFIX": str(libs.parent / f"{libs.name}-bytecode")}


def table(seen: Rounds) -> Iterator[str]:
    yield f"{'':<22}{'CPU ms, median':>15}{'min':>7}{'x summed':>10}{'x together':>12}{'peak MiB':>10}"
    for name, figures in seen.items():
        cpu = [each["cpu"] for each in figures]
        yield (
            f"{name:<22}{1e3 * median(cpu):>15,.0f}{1e3 * min(cpu):>7,.0f}"
            f"{ratio(seen, name, SUM):>10.2f}{ratio(seen, name, TOGETHER):>12.2f}{memory(seen, name):>10.0f}"
        )


def ratio(seen: Rounds, name: str, baseline: str) -> float:
    """The median of each round's CPU over the baseline's in the same round."""
    pairs = zip(seen[name], seen[baseline], strict=True)
    return median(one["cpu"] / other["cpu"] for one, other in pairs)


def memory(seen: Rounds, name: str) -> float:
    return median(each["memory"] for each in seen[name])


def verdict(seen: Rounds) -> Iterator[str]:
    times, most = ratio(seen, DATA_PLANE, SUM), memory(seen, DATA_PLANE)
    yield f"the data plane takes {times:.2f} x its libraries' sum, of {SLOWER}: {_met(times <= SLOWER)}"
    yield f"the data plane takes {most:.0f} MiB, of {MEMORY:.0f}: {_met(most <= MEMORY)}"


def _met(met: bool) -> str:
    return "met" if met else "missed"


def _version(python: str) -> str:
    code = "import platform; print(platform.python_version())"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cold", description=__doc__)
    parser.add_argument("--python", required=True, help="an interpreter of the functions' version")
    parser.add_argument("--bundles", type=Path, required=True, help="the functions, a folder each")
    parser.add_argument("--runtime", type=Path, required=True, help="what Lambda itself has for handlers")
    parser.add_argument("--libs", type=Path, required=True, help="all that the lock names, for the baseline")
    parser.add_argument("--rounds", type=int, default=10, help="default 10")
    parser.add_argument("--json", action="store_true", help="every round's figures")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`make bench-cold`: CPU and memory from a function's start to its first response; see docs/performance.md.

Each function runs as deployed, from its bundle and on its Python version, in AWS's runtime interface
emulator. The same rounds measure the baselines: imports of the libraries that the gateway needs, each in its
own process and summed, and all in one process, where common modules are imported once.
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
from tests.bench.cold_start import FUNCTIONS, ColdStarts, Environment, ResourceUsage, prepare_environment
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
SLOWER, MEMORY = 1.3, 90.0  # targets of the data plane: factor of the libraries' sum; MiB
DATA_PLANE = "stream"
# With another cache folder, Python ignores the byte code in the bundle, and writes none.
COMPILING = {"PYTHONPYCACHEPREFIX": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}


def main(argv: Sequence[str]) -> int:
    args = _arguments(argv)
    cold = ColdStarts(str(Path(args.python).absolute()), args.bundles.resolve(), args.runtime.resolve())
    cores = Cores.split()
    with tempfile.TemporaryDirectory() as folder, prepare_environment(Path(folder)) as around:
        rounds = _rounds(args, cold, around, cores)
        imports = cold.start(DATA_PLANE, around, cores, PYTHONPROFILEIMPORTTIME="1").output
    if args.json:
        json.dump(rounds, sys.stdout)
        return 0
    print(f"{machine()} drives Python {_version(args.python)}; {args.rounds} interleaved rounds")
    print(*table(rounds), "", *verdict(rounds), sep="\n")
    print(*hotspots.slowest(f"{DATA_PLANE}, to its first response", imports), sep="\n")
    return 0


def _rounds(
    args: argparse.Namespace, cold: ColdStarts, around: Environment, cores: Cores
) -> dict[str, list[dict[str, float]]]:
    rounds: dict[str, list[dict[str, float]]] = {}
    for number in range(args.rounds + 1):  # the first round only fills file caches
        start = busy()
        results = baselines(cold.python, args.libs.resolve(), cores)
        results |= {name: cold.start(name, around, cores).usage for name in FUNCTIONS}
        results[f"{DATA_PLANE}, compiling"] = cold.start(DATA_PLANE, around, cores, **COMPILING).usage
        if number:
            for name, usage in results.items():
                rounds.setdefault(name, []).append(usage._asdict())
        print(f"round {number}: {busy() - start:.1f} s of CPU time in total", file=sys.stderr)
    return rounds


def baselines(python: str, libs: Path, cores: Cores) -> dict[str, ResourceUsage]:
    """Return the cost of the libraries. The sum contains one start of the interpreter, like the functions."""
    alone = [_measure_imports(python, libs, cores, code) for code in LIBRARIES.values()]
    _, together, peak = _measure_imports(python, libs, cores, "\n".join(LIBRARIES.values()))
    start = min(began for began, _, _ in alone)
    summed = start + sum(ended - began for began, ended, _ in alone)
    return {
        SUM: ResourceUsage(summed, max(peak for _, _, peak in alone)),
        TOGETHER: ResourceUsage(together, peak),
    }


def _measure_imports(python: str, libs: Path, cores: Cores, imports: str) -> list[float]:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(libs), "HOME": "/nonexistent", **_bytecode(libs)}
    with pinned(cores.target):
        code = MEASURED.replace("{imports}", imports)
        done = subprocess.run([python, "-c", code], env=environ, capture_output=True, check=True, text=True)
    return list(json.loads(done.stdout))


def _bytecode(libs: Path) -> Mapping[str, str]:
    """Return the cache folder for byte code, outside of the libraries, from which bundles are built."""
    return {"PYTHONPYCACHEPREFIX": str(libs.parent / f"{libs.name}-bytecode")}


def table(rounds: Rounds) -> Iterator[str]:
    yield f"{'':<22}{'CPU ms, median':>15}{'min':>7}{'x summed':>10}{'x together':>12}{'peak MiB':>10}"
    for name, figures in rounds.items():
        cpu = [each["cpu"] for each in figures]
        yield (
            f"{name:<22}{1e3 * median(cpu):>15,.0f}{1e3 * min(cpu):>7,.0f}"
            f"{ratio(rounds, name, SUM):>10.2f}{ratio(rounds, name, TOGETHER):>12.2f}"
            f"{memory(rounds, name):>10.0f}"
        )


def ratio(rounds: Rounds, name: str, baseline: str) -> float:
    """Return the median ratio of CPU time to the baseline's in the same round."""
    pairs = zip(rounds[name], rounds[baseline], strict=True)
    return median(one["cpu"] / other["cpu"] for one, other in pairs)


def memory(rounds: Rounds, name: str) -> float:
    return median(each["memory"] for each in rounds[name])


def verdict(rounds: Rounds) -> Iterator[str]:
    times, most = ratio(rounds, DATA_PLANE, SUM), memory(rounds, DATA_PLANE)
    yield f"CPU of the data plane: {times:.2f} x its libraries (target {SLOWER}): {_verdict(times <= SLOWER)}"
    yield f"memory of the data plane: {most:.0f} MiB (target {MEMORY:.0f}): {_verdict(most <= MEMORY)}"


def _verdict(is_met: bool) -> str:
    return "met" if is_met else "missed"


def _version(python: str) -> str:
    code = "import platform; print(platform.python_version())"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cold", description=__doc__)
    parser.add_argument("--python", required=True, help="an interpreter of the functions' version")
    parser.add_argument("--bundles", type=Path, required=True, help="the bundles, one folder per function")
    parser.add_argument(
        "--runtime", type=Path, required=True, help="libraries that the Lambda runtime provides"
    )
    parser.add_argument(
        "--libs", type=Path, required=True, help="the libraries of the lock file, for the baseline"
    )
    parser.add_argument("--rounds", type=int, default=10, help="default 10")
    parser.add_argument("--json", action="store_true", help="print the values of every round")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

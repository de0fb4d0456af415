"""What the lock names and pip has installed: distributions, their files, licences and what they require."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
REPORT = "report.json"  # of pip's, beside what it installed
HOMEMADE = {"RECORD", "INSTALLER", "REQUESTED"}  # written by pip, about a folder that this no longer is


class Unlike(Exception):
    """What is installed is not what the lock names."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what, self.why = what, why


@dataclass(frozen=True, slots=True)
class Pin:
    """A line of the lock: any of these archives is accepted."""

    version: str
    hashes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Distribution:
    """One that is installed, by the archive that it came from."""

    name: str
    version: str
    archive: str  # its SHA-256
    metadata: Message
    folder: Path
    record: Mapping[str, str]  # paths in the folder, and their SHA-256 in hex

    @property
    def requires(self) -> frozenset[str]:
        """Names, whatever the platform: one that does not apply is not installed."""
        lines = map(str, self.metadata.get_all("Requires-Dist", ()))
        return frozenset(_name(line) for line in lines if not re.search(r";.*\bextra\b", line))

    @property
    def licenses(self) -> tuple[str, ...]:
        """As its author words them: an SPDX expression alone where there is one."""
        if expression := self.metadata.get("License-Expression"):
            return (str(expression),)
        classified = [
            str(line).rpartition(" :: ")[2]
            for line in self.metadata.get_all("Classifier", ())
            if str(line).startswith("License :: ")
        ]
        said = str(self.metadata.get("License", "")).strip()
        return tuple(classified) or ((said,) if said and "\n" not in said else ())


def pins(lock: str) -> dict[str, Pin]:
    """The lines of a requirements file by name."""
    found: dict[str, Pin] = {}
    for line in lock.replace("\\\n", " ").splitlines():
        if match := re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)", line):
            hashes = frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
            found[_name(match[1])] = Pin(match[2], hashes)
    return found


def installed(folder: Path, lock: Mapping[str, Pin]) -> dict[str, Distribution]:
    """What is in a folder of pip's, by name. Raises Unlike where the lock says otherwise."""
    report = json.loads((folder / REPORT).read_text("utf-8"))
    archives = {
        _name(each["metadata"]["name"]): each["download_info"]["archive_info"]["hashes"]["sha256"]
        for each in report["install"]
    }
    found = {}
    for info in sorted(folder.glob("*.dist-info")):
        metadata = HeaderParser().parsestr((info / "METADATA").read_text("utf-8"))
        name, version = _name(str(metadata["Name"])), str(metadata["Version"])
        archive, pin = archives.get(name, ""), lock.get(name)
        if pin is None or pin.version != version or archive not in pin.hashes:
            raise Unlike(f"{name} {version}", "is not in the lock")
        found[name] = Distribution(name, version, archive, metadata, folder, _record(folder, info))
    return found


def closure(roots: Iterable[str], known: Mapping[str, Distribution]) -> list[Distribution]:
    """Those that are named and all that they require, by name. Raises Unlike where a root is missing."""
    found: set[str] = set()
    waiting = list(roots)
    if absent := sorted(set(waiting) - known.keys()):
        raise Unlike(", ".join(absent), "is not installed")
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting += known[name].requires & known.keys()
    return [known[name] for name in sorted(found)]


def read(distribution: Distribution) -> Iterator[tuple[str, bytes]]:
    """Its files, each of them as it was in the archive. Raises Unlike where one has changed."""
    for name, digest in distribution.record.items():
        content = (distribution.folder / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise Unlike(f"{distribution.name}: {name}", "is not what its archive held")
        yield name, content


def _record(folder: Path, info: Path) -> dict[str, str]:
    """Paths by their hash: nothing outside the folder, and nothing that pip made itself."""
    found = {}
    for path, digest, _ in csv.reader((info / "RECORD").read_text("utf-8").splitlines()):
        own = Path(path).parent.name == info.name and Path(path).name in HOMEMADE
        if digest and not own and not path.startswith(".."):
            if not (folder / path).resolve().is_relative_to(folder.resolve()):
                raise Unlike(path, "is outside its folder")
            padded = digest.removeprefix("sha256=") + "="
            found[path] = base64.urlsafe_b64decode(padded).hex()
    return found


def _name(requirement: str) -> str:
    match = NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else ""

"""Reads the distributions that pip installed from the lock file: files, licences and requirements."""

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
REPORT = "report.json"  # of `pip install --report`, in the same folder
PIP_FILES = {"RECORD", "INSTALLER", "REQUESTED"}  # files that pip writes about the original folder


class LockMismatch(Exception):
    """An installed file or distribution differs from the lock file."""

    def __init__(self, subject: str, reason: str) -> None:
        super().__init__(f"{subject}: {reason}")
        self.subject, self.reason = subject, reason


@dataclass(frozen=True, slots=True)
class Pin:
    """A line of the lock file. Any archive with one of these SHA-256 hashes is accepted."""

    version: str
    hashes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Distribution:
    """An installed distribution."""

    name: str
    version: str
    archive: str  # SHA-256 of the archive, in hex
    metadata: Message
    folder: Path
    record: Mapping[str, str]  # path in the folder -> SHA-256 in hex

    @property
    def requires(self) -> frozenset[str]:
        """Return the names of required distributions, on any platform."""
        lines = map(str, self.metadata.get_all("Requires-Dist", ()))
        return frozenset(_normalize(line) for line in lines if not re.search(r";.*\bextra\b", line))

    @property
    def licenses(self) -> tuple[str, ...]:
        """Return the SPDX expression, else the licence classifiers, else the field License."""
        if expression := self.metadata.get("License-Expression"):
            return (str(expression),)
        classified = [
            str(line).rpartition(" :: ")[2]
            for line in self.metadata.get_all("Classifier", ())
            if str(line).startswith("License :: ")
        ]
        text = str(self.metadata.get("License", "")).strip()
        return tuple(classified) or ((text,) if text and "\n" not in text else ())


def parse_pins(lock: str) -> dict[str, Pin]:
    """Return the pins of a requirements file by name."""
    pins: dict[str, Pin] = {}
    for line in lock.replace("\\\n", " ").splitlines():
        if match := re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)", line):
            hashes = frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
            pins[_normalize(match[1])] = Pin(match[2], hashes)
    return pins


def read_installed(folder: Path, lock: Mapping[str, Pin]) -> dict[str, Distribution]:
    """Return the distributions in a folder by name; raise LockMismatch if the lock file differs."""
    report = json.loads((folder / REPORT).read_text("utf-8"))
    archives = {
        _normalize(each["metadata"]["name"]): each["download_info"]["archive_info"]["hashes"]["sha256"]
        for each in report["install"]
    }
    distributions = {}
    for info in sorted(folder.glob("*.dist-info")):
        metadata = HeaderParser().parsestr((info / "METADATA").read_text("utf-8"))
        name, version = _normalize(str(metadata["Name"])), str(metadata["Version"])
        archive, pin = archives.get(name, ""), lock.get(name)
        if pin is None or pin.version != version or archive not in pin.hashes:
            raise LockMismatch(f"{name} {version}", "is not in the lock")
        distributions[name] = Distribution(name, version, archive, metadata, folder, _record(folder, info))
    return distributions


def closure(roots: Iterable[str], available: Mapping[str, Distribution]) -> list[Distribution]:
    """Return the roots and all that they require, by name; raise LockMismatch if a root is missing."""
    names: set[str] = set()
    pending = list(roots)
    if absent := sorted(set(pending) - available.keys()):
        raise LockMismatch(", ".join(absent), "is not installed")
    while pending:
        if (name := pending.pop()) not in names:
            names.add(name)
            pending += available[name].requires & available.keys()
    return [available[name] for name in sorted(names)]


def read_files(distribution: Distribution) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of its files; raise LockMismatch if a file was changed."""
    for name, digest in distribution.record.items():
        content = (distribution.folder / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise LockMismatch(f"{distribution.name}: {name}", "differs from its archive")
        yield name, content


def _record(folder: Path, info: Path) -> dict[str, str]:
    """Return the hash of each file of RECORD, except files that pip wrote and scripts outside the folder."""
    hashes = {}
    for path, digest, _ in csv.reader((info / "RECORD").read_text("utf-8").splitlines()):
        own = Path(path).parent.name == info.name and Path(path).name in PIP_FILES
        if digest and not own and not path.startswith(".."):
            if not (folder / path).resolve().is_relative_to(folder.resolve()):
                raise LockMismatch(path, "is outside its folder")
            padded = digest.removeprefix("sha256=") + "="
            hashes[path] = base64.urlsafe_b64decode(padded).hex()
    return hashes


def _normalize(requirement: str) -> str:
    match = NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else ""

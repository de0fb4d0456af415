"""The fields of a virtual key as options of `vaultedge keys create` and `update`."""

from __future__ import annotations

import argparse
import re
from datetime import datetime

from vaultcore.cli.terminal import UsageError

NONE = "none"
UNBOUNDED_INPUTS = ("deny", "reserve_max", "allow", NONE)
COUNTS = {  # options -> the admin API's fields
    "rpm": ("rate_limit_rpm", "requests per minute (default of a new key: 60)"),
    "tpm": ("rate_limit_tpm", "tokens per minute"),
    "parallel": ("max_parallel", "concurrent requests"),
    "tokens": ("token_quota", "tokens in total"),
}
MONEY = {
    "credits": ("credits_usd", "prepaid US dollars in total"),
    "budget_day": ("budget_day_usd", "US dollars per day (UTC)"),
    "budget_month": ("budget_month_usd", "US dollars per month (UTC)"),
}
_DURATION = re.compile(r"(\d{1,6})([smhdw]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add an option for each field except the name."""
    for name, (_, summary) in (*COUNTS.items(), *MONEY.items()):
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="N", help=f"{summary}; none for no limit")
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME",
        help="allowed model, provider/model or provider/*; repeatable",
    )
    parser.add_argument(
        "--ip", action="append", metavar="NET", help="allowed client address or network; repeatable"
    )
    parser.add_argument(
        "--expires", metavar="WHEN", help="expiry, for example 2030-01-31, 2030-01-31T12:00:00+01:00 or 30d"
    )
    parser.add_argument("--owner", help="owner; limits can apply to all keys of an owner")
    parser.add_argument(
        "--metadata",
        action="append",
        metavar="K=V",
        help="metadata; repeatable, replaces all existing metadata",
    )
    parser.add_argument(
        "--unbounded-inputs",
        metavar="HOW",
        help="files by id, URLs, documents and provider tools: deny them, reserve_max (the model's maximum; "
        "default), or allow them with the reservation of an estimate",
    )


def parse_fields(args: argparse.Namespace) -> dict[str, object]:
    """Return the fields from the command line with the admin API's names. Raise UsageError."""
    fields = _limits(args)
    for option, name in (("model", "allowed_models"), ("ip", "allowed_ips")):
        if (values := getattr(args, option)) is not None:
            fields[name] = None if values == [NONE] else values
    if (policy := args.unbounded_inputs) is not None:
        if policy not in UNBOUNDED_INPUTS:
            raise UsageError(f"--unbounded-inputs must be one of {', '.join(UNBOUNDED_INPUTS)}")
        fields["unbounded_inputs"] = None if policy == NONE else policy
    for name in ("name", "owner"):
        if (text := getattr(args, name)) is not None:
            fields[name] = None if text == NONE and name == "owner" else text
    if args.expires is not None:
        fields["expires_at"] = None if args.expires == NONE else _parse_time(args.expires)
    if args.metadata is not None:
        fields["metadata"] = None if args.metadata == [NONE] else dict(map(_parse_pair, args.metadata))
    return fields


def _limits(args: argparse.Namespace) -> dict[str, object]:
    fields: dict[str, object] = {}
    for option, (name, _) in COUNTS.items():
        if (text := getattr(args, option)) is not None:
            fields[name] = None if text == NONE else _parse_count(option, text)
    for option, (name, _) in MONEY.items():
        if (text := getattr(args, option)) is not None:
            fields[name] = None if text == NONE else text
    return fields


def _parse_count(option: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise UsageError(f"--{option} must be a whole number or none")
    return int(text)


def _parse_pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise UsageError("--metadata must have the form NAME=VALUE, for example team=search")
    return name, value


def _parse_time(text: str) -> int | str:
    """Return a time for the admin API: seconds since the epoch for a duration from now, else ISO 8601.

    A date, or a time without a time zone, is in this machine's time zone.
    """
    from vaultcore.clock import SystemClock

    if (seconds := parse_duration(text)) is not None:
        return int(SystemClock().now()) + seconds
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except (ValueError, OverflowError):
        raise UsageError(
            "--expires must be a time like 2030-01-31T12:00, a duration like 30d, or none"
        ) from None


def parse_duration(text: str) -> int | None:
    """Return a duration like 3600, 24h or 7d in seconds, or None if the text is not one."""
    match = _DURATION.fullmatch(text)
    return int(match[1]) * _SECONDS[match[2]] if match else None

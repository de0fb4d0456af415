"""`vaultedge vault push pull`: a vault's way into the two secrets of a deployed stack, and back."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaultcore.cli import passwords, stack
from vaultcore.cli.stack import StackUnusable
from vaultcore.cli.terminal import Misuse, Terminal, secret_in
from vaultcore.cli.vault import vault_string
from vaultcore.errors import VaultError

if TYPE_CHECKING:
    from vaultcore.aws.stack import Filled, Stack
    from vaultcore.clock import Clock
    from vaultcore.vault.hidden import Hidden
    from vaultcore.vault.keyring import Credential

LOOKS, PAUSE = 5, 1.0  # times that what was put is read back, and the seconds between two


def register(actions: Any) -> None:
    push = actions.add_parser(
        "push",
        help="put this vault into a deployed stack, under a password of its own",
        description="Seals the vault of this machine (or VAULTEDGE_VAULT, or --file) under a password that is"
        " made now and never shown, and puts both into the stack's secrets. Where the stack has the same keys"
        " already, nothing is put. Functions that run take the new vault within five minutes.",
    )
    stack.add_options(push)
    push.add_argument(
        "--file", type=Path, metavar="FILE", help="a vault string instead of this machine's vault"
    )
    passwords.add_options(push, "old-password")
    passwords.add_options(push)
    vault_string.add_sealing_options(push)
    push.add_argument("--keep-password", action="store_true", help="seal under the password the stack has")
    push.add_argument("--force", action="store_true", help="put it anew, even where the keys are the same")
    push.add_argument("--json", action="store_true", help="as JSON")
    push.set_defaults(run=run_push)

    pull = actions.add_parser(
        "pull",
        help="add the keys of a deployed stack's vault to the vault on this machine",
        description="With --output the stack's vault string goes into a file instead, as it is, or sealed"
        " under the password that is given.",
    )
    stack.add_options(pull)
    pull.add_argument("--output", type=Path, metavar="FILE", help="a new file (0600) for the string alone")
    pull.add_argument("--force", action="store_true", help="replace FILE if it is there")
    passwords.add_options(pull)
    vault_string.add_sealing_options(pull)
    pull.add_argument("--json", action="store_true", help="as JSON")
    pull.set_defaults(run=run_pull)


def run_push(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.clock import SystemClock

    vault_string.check_format(args)
    if args.keep_password and (args.password is not None or args.password_file is not None):
        raise Misuse("--keep-password and a password exclude each other")
    held = _held(args, terminal)
    given = passwords.offered(args, terminal)
    if given is not None:
        passwords.strong(given, allow_weak=args.allow_weak)
    with stack.opened(args) as asked:
        pair = Pair.of(asked)
        there = _opens(pair.before)
        wanted = _kept(pair.before, args.stack) if args.keep_password else given
        changed = args.force or there != held or wanted not in (None, pair.before.password)
        if changed:
            password = _made() if wanted is None else wanted
            pair.put(_sealed(held, password, args), password)
            if not asyncio.run(pair.holds(held, SystemClock())):
                raise StackUnusable(
                    f"what was put into the stack {args.stack} does not open to the same keys",
                    hint="somebody else may have pushed at the same time: push again",
                )
    gone = [each for each in there or () if each not in held]
    return _pushed(args, terminal, held, gone, changed=changed)


def run_pull(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.vault.local import LocalVault

    vault_string.check_format(args)
    given = passwords.offered(args, terminal)
    if args.output is None and (given is not None or args.force):
        raise Misuse("a password and --force go with --output")
    if args.output is not None and not args.force and args.output.exists():
        raise vault_string.there(args.output)
    with stack.opened(args) as asked:
        filled = asked.filled(*stack.vault_ids(asked.describe()))
    if filled.vault is None or filled.password is None:
        raise StackUnusable(
            f"the vault of the stack {args.stack} is empty", hint=f"vaultedge vault push --stack {args.stack}"
        )
    keys = _opened(filled.vault, filled.password, args.stack)
    if args.output is not None:
        string = filled.vault
        if given is not None:
            string = vault_string.sealed_as(keys, passwords.strong(given, allow_weak=args.allow_weak), args)
        vault_string.write_string(args.output, string, replace=args.force)
        terminal.warn(f"{len(keys)} keys sealed in {args.output}")
        added = 0
    else:
        added = len(LocalVault(terminal.settings().home).add(keys))
    if args.json:
        terminal.say(json.dumps({"stack": args.stack, "keys": len(keys), "added": added}))
    elif args.output is None:
        others = "" if added == len(keys) else "; the others were there already"
        terminal.say(f"added {added} of {len(keys)} keys of the stack {args.stack}{others}")
    return 0


def _held(args: argparse.Namespace, terminal: Terminal) -> list[Credential]:
    """The keys to be pushed; never none."""
    from vaultcore.cli import open_vault

    if args.file is None:
        if args.old_password is not None or args.old_password_file is not None:
            raise Misuse("--old-password opens the string of --file")
        return open_vault.credentials(terminal)
    text = secret_in(args.file).strip().removeprefix(vault_string.VARIABLE)
    found = open_vault.unsealed(text, passwords.opening(args, terminal, "old-password"), terminal)
    if not found:
        raise VaultError(f"there is no key in {args.file}")
    return found


@dataclass(frozen=True, slots=True)
class Pair:
    """The two secrets of a stack, and what they hold."""

    stack: Stack
    vault: str  # ids
    password: str
    before: Filled

    @classmethod
    def of(cls, asked: Stack) -> Pair:
        ids = stack.vault_ids(asked.describe())
        return cls(asked, *ids, asked.filled(*ids))

    def now(self) -> Filled:
        return self.stack.filled(self.vault, self.password)

    def put(self, sealed: str, password: Hidden) -> None:
        """Password first, then vault: functions keep what they have until the two fit each other again."""
        from vaultcore.aws.reading import PLACEHOLDER

        fresh = password != self.before.password
        if fresh:
            self.stack.put(self.password, password)
        try:
            self.stack.put(self.vault, sealed)
        except BaseException:
            # The vault that is there would not open, and a function that starts now would have none.
            if fresh:
                with suppress(Exception):
                    self.stack.put(self.password, self.before.password or PLACEHOLDER)
            raise

    async def holds(self, held: Sequence[Credential], clock: Clock) -> bool:
        """Whether what is read back opens to these keys; AWS may need a moment."""
        for look in range(LOOKS):
            if look:
                await clock.sleep(PAUSE)
            if _opens(self.now()) == held:
                return True
        return False


def _sealed(held: Sequence[Credential], password: Hidden, args: argparse.Namespace) -> str:
    """The string as the functions can take it."""
    from vaultcore.aws.batch import field_of
    from vaultcore.aws.stack import LARGEST

    if field_of(password, "password") != password:
        raise VaultError("functions would misread a password with blanks around it or a brace in front")
    sealed = vault_string.sealed_as(held, password, args)
    if len(sealed) > LARGEST:
        raise VaultError(
            f"{len(held)} keys are more than one secret holds: {len(sealed)} bytes of {LARGEST}",
            hint="vaultedge vault remove-key takes out those that are not needed",
        )
    return sealed


def _made() -> Hidden:
    from vaultcore.vault.hidden import Hidden
    from vaultcore.vault.password import generate

    return Hidden(generate())


def _kept(before: Filled, name: str) -> Hidden:
    if before.password is None:
        raise StackUnusable(f"the stack {name} has no password yet", hint="push without --keep-password")
    return before.password


def _opens(filled: Filled) -> list[Credential] | None:
    """The keys that a stack has; None where it has none or they do not open."""
    from vaultcore.vault.sealed import unseal

    if filled.vault is None or filled.password is None:
        return None
    try:
        return unseal(filled.vault, filled.password)
    except VaultError:
        return None


def _opened(vault: str, password: Hidden, name: str) -> list[Credential]:
    from vaultcore.vault.sealed import unseal

    try:
        return unseal(vault, password)
    except VaultError as error:
        refused = str(error)
    raise StackUnusable(
        f"the vault of the stack {name} does not open with the password beside it: {refused}",
        hint=f"vaultedge vault push --stack {name} puts both anew; the ones before are kept as AWSPREVIOUS",
    )


def _pushed(
    args: argparse.Namespace,
    terminal: Terminal,
    held: Sequence[Credential],
    gone: Sequence[Credential],
    *,
    changed: bool,
) -> int:
    counts = Counter(each.provider for each in held)
    dropped = [{"provider": each.provider, "masked_key": each.masked} for each in gone]
    if args.json:
        told = {"stack": args.stack, "changed": changed, "keys": len(held), "providers": counts}
        terminal.say(json.dumps({**told, "dropped": dropped}))
        return 0
    keys = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    if not changed:
        terminal.say(f"the stack {args.stack} has these {len(held)} keys already: {keys}")
        return 0
    terminal.say(f"pushed {len(held)} keys to the stack {args.stack}: {keys}")
    terminal.say("functions that run take them within five minutes, those that start at once")
    for each in dropped:
        terminal.warn(f"no longer in the stack: {each['provider']} key {each['masked_key']}")
    if dropped:
        terminal.hint("AWSPREVIOUS of the two secrets still holds them")
    return 0

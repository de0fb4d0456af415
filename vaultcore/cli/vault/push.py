"""`vaultedge vault push|pull`: copies keys between a vault and the two secrets of a deployed stack."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaultcore.cli import passwords, stack
from vaultcore.cli.stack import StackError
from vaultcore.cli.terminal import Terminal, UsageError, read_secret_file
from vaultcore.cli.vault import vault_string
from vaultcore.errors import VaultError
from vaultcore.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from vaultcore.aws.stack import Stack, VaultSecrets
    from vaultcore.clock import Clock
    from vaultcore.vault.keyring import Credential
    from vaultcore.vault.secret_text import SecretText

READS, PAUSE = 5, 1.0  # attempts to read the secrets back, and seconds between them


def register(actions: Any) -> None:
    push = actions.add_parser(
        "push",
        help="copy this vault to a deployed stack, sealed with a new password",
        description="Seal the vault of this machine (or VAULTEDGE_VAULT, or --file) with a generated"
        " password that is never shown, and store both in the stack's secrets. Changes nothing if the stack"
        " already has the same keys. Running functions load the new vault within five minutes.",
    )
    stack.add_options(push)
    push.add_argument(
        "--file",
        type=Path,
        metavar="FILE",
        help="file with a vault string to use instead of this machine's vault",
    )
    passwords.add_options(push, "old-password")
    passwords.add_options(push)
    vault_string.add_sealing_options(push)
    push.add_argument("--keep-password", action="store_true", help="seal with the stack's current password")
    push.add_argument("--force", action="store_true", help="store it again even if the keys are the same")
    push.add_argument("--json", action="store_true", help="print JSON")
    push.set_defaults(run=run_push)

    pull = actions.add_parser(
        "pull",
        help="add the keys of a deployed stack's vault to the vault on this machine",
        description="With --output, write the stack's vault string to a file instead, unchanged, or sealed"
        " with the given password.",
    )
    stack.add_options(pull)
    pull.add_argument(
        "--output", type=Path, metavar="FILE", help="write only the string to a new file (mode 0600)"
    )
    pull.add_argument("--force", action="store_true", help="replace FILE if it exists")
    passwords.add_options(pull)
    vault_string.add_sealing_options(pull)
    pull.add_argument("--json", action="store_true", help="print JSON")
    pull.set_defaults(run=run_pull)


def run_push(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.clock import SystemClock

    vault_string.check_options(args)
    if args.keep_password and (args.password is not None or args.password_file is not None):
        raise UsageError("use either --keep-password or a password, not both")
    credentials = _load_credentials(args, terminal)
    new_password = passwords.read_options(args, terminal)
    if new_password is not None:
        passwords.require_strong(new_password, allow_weak=args.allow_weak)
    with stack.open_stack(args) as opened_stack:
        stack_secrets = StackSecrets.read(opened_stack)
        existing = _stack_credentials(stack_secrets.before)
        if args.keep_password:
            new_password = _current_password(stack_secrets.before, args.stack)
        changed = (
            args.force or existing != credentials or new_password not in (None, stack_secrets.before.password)
        )
        if changed:
            password = _generate_password() if new_password is None else new_password
            stack_secrets.put(_seal(credentials, password, args), password)
            if not asyncio.run(stack_secrets.contains(credentials, SystemClock())):
                raise StackError(
                    f"the vault in the stack {args.stack} does not contain the pushed keys",
                    hint="push again; another push may have run at the same time",
                )
    dropped = [each for each in existing or () if each not in credentials]
    return _print_result(args, terminal, credentials, dropped, changed=changed)


def run_pull(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.vault.local import LocalVault

    vault_string.check_options(args)
    password = passwords.read_options(args, terminal)
    if args.output is None and (password is not None or args.force):
        raise UsageError("a password and --force need --output")
    if args.output is not None and not args.force and args.output.exists():
        raise vault_string.already_exists(args.output)
    with stack.open_stack(args) as opened_stack:
        secrets = opened_stack.vault_secrets(*stack.vault_secret_ids(opened_stack.describe()))
    if secrets.vault is None or secrets.password is None:
        raise StackError(
            f"the vault of the stack {args.stack} is empty", hint=f"vaultedge vault push --stack {args.stack}"
        )
    keys = _unseal(secrets.vault, secrets.password, args.stack)
    if args.output is not None:
        string = secrets.vault
        if password is not None:
            passwords.require_strong(password, allow_weak=args.allow_weak)
            string = vault_string.seal_as(keys, password, args)
        vault_string.write_string(args.output, string, replace=args.force)
        terminal.warn(f"sealed {len(keys)} keys in {args.output}")
        added = 0
    else:
        added = len(LocalVault(terminal.settings().home).add(keys))
    if args.json:
        terminal.say(json.dumps({"stack": args.stack, "keys": len(keys), "added": added}))
    elif args.output is None:
        others = "" if added == len(keys) else "; the others were already there"
        terminal.say(f"added {added} of {len(keys)} keys of the stack {args.stack}{others}")
    return 0


def _load_credentials(args: argparse.Namespace, terminal: Terminal) -> list[Credential]:
    """Return the keys to push. Raise VaultError if there are none."""
    from vaultcore.cli import open_vault

    if args.file is None:
        if args.old_password is not None or args.old_password_file is not None:
            raise UsageError("--old-password needs --file")
        return open_vault.load_credentials(terminal)
    text = read_secret_file(args.file).strip().removeprefix(vault_string.VARIABLE)
    credentials = open_vault.unseal(text, passwords.read_password(args, terminal, "old-password"), terminal)
    if not credentials:
        raise VaultError(f"{args.file} contains no keys")
    return credentials


@dataclass(frozen=True, slots=True)
class StackSecrets:
    """The ids of a stack's two secrets, and their values before the push."""

    stack: Stack
    vault_id: str
    password_id: str
    before: VaultSecrets

    @classmethod
    def read(cls, opened_stack: Stack) -> StackSecrets:
        ids = stack.vault_secret_ids(opened_stack.describe())
        return cls(opened_stack, *ids, opened_stack.vault_secrets(*ids))

    def reread(self) -> VaultSecrets:
        return self.stack.vault_secrets(self.vault_id, self.password_id)

    def put(self, sealed: str, password: SecretText) -> None:
        """Store the password, then the vault. Functions keep their vault until the two match again."""
        from vaultcore.aws.secret_values import PLACEHOLDER

        is_new = password != self.before.password
        if is_new:
            self.stack.put(self.password_id, password)
        try:
            self.stack.put(self.vault_id, sealed)
        except BaseException:
            # The old vault does not open with the new password, so a starting function would have no vault.
            if is_new:
                with suppress(Exception):
                    self.stack.put(self.password_id, self.before.password or PLACEHOLDER)
            raise

    async def contains(self, credentials: Sequence[Credential], clock: Clock) -> bool:
        """Return True once the secrets, read back, contain these keys. AWS may need a few seconds."""
        for attempt in range(READS):
            if attempt:
                await clock.sleep(PAUSE)
            if _stack_credentials(self.reread()) == credentials:
                return True
        return False


def _seal(credentials: Sequence[Credential], password: SecretText, args: argparse.Namespace) -> str:
    """Return the vault string. Raise VaultError if the functions could not read it."""
    from vaultcore.aws.batch import field_of
    from vaultcore.aws.stack import MAX_SECRET_BYTES

    if field_of(password, "password") != password:
        raise VaultError("the password must not begin with a brace, or begin or end with a blank")
    sealed = vault_string.seal_as(credentials, password, args)
    if len(sealed) > MAX_SECRET_BYTES:
        raise VaultError(
            f"the vault is too large: {len(credentials)} keys take {len(sealed)} of {MAX_SECRET_BYTES} bytes",
            hint="remove unused keys with vaultedge vault remove-key",
        )
    return sealed


def _generate_password() -> SecretText:
    from vaultcore.vault.password import generate
    from vaultcore.vault.secret_text import SecretText

    return SecretText(generate())


def _current_password(before: VaultSecrets, name: str) -> SecretText:
    if before.password is None:
        raise StackError(f"the stack {name} has no password yet", hint="push without --keep-password")
    return before.password


def _stack_credentials(secrets: VaultSecrets) -> list[Credential] | None:
    """Return the stack's keys, or None if its secrets are empty or do not open."""
    from vaultcore.vault.sealed import unseal

    if secrets.vault is None or secrets.password is None:
        return None
    try:
        return unseal(secrets.vault, secrets.password)
    except VaultError:
        return None


def _unseal(vault: str, password: SecretText, name: str) -> list[Credential]:
    from vaultcore.vault.sealed import unseal

    try:
        return unseal(vault, password)
    except VaultError as error:
        reason = str(error)
    raise StackError(
        f"the vault of the stack {name} does not open with the its password: {reason}",
        hint=f"vaultedge vault push --stack {name} replaces both; AWSPREVIOUS keeps the old values",
    )


def _print_result(
    args: argparse.Namespace,
    terminal: Terminal,
    credentials: Sequence[Credential],
    dropped: Sequence[Credential],
    *,
    changed: bool,
) -> int:
    counts = Counter(each.provider for each in credentials)
    removed = [{"provider": each.provider, "masked_key": each.masked} for each in dropped]
    if args.json:
        report = {"stack": args.stack, "changed": changed, "keys": len(credentials), "providers": counts}
        terminal.say(json.dumps({**report, "dropped": removed}))
        return 0
    keys = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    if not changed:
        terminal.say(f"the stack {args.stack} already has these {len(credentials)} keys: {keys}")
        return 0
    terminal.say(f"pushed {len(credentials)} keys to the stack {args.stack}: {keys}")
    terminal.say("running functions load them within five minutes, new ones at start")
    for each in dropped:
        terminal.warn(f"removed from the stack: {each.provider} key {each.masked}")
    if dropped:
        terminal.hint("AWSPREVIOUS of the two secrets still contains them")
    return 0

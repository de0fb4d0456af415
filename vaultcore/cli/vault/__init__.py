"""`vaultedge vault`: this machine's vault, vault strings and the vault of a deployed stack."""

from vaultcore.cli.vault.command import register

__all__ = ["register"]

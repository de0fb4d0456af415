"""`vaultedge vault`: the vault on this machine, sealed strings, and the vault of a deployed stack."""

from vaultcore.cli.vault.command import register

__all__ = ["register"]

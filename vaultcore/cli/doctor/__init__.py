"""`vaultedge doctor`: checks vault, catalog, store, provider keys and the AWS stack."""

from vaultcore.cli.doctor.command import register

__all__ = ["register"]

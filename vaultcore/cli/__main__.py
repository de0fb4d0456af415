"""`python -m vaultcore.cli`: the same as `vaultedge`."""

from vaultcore.cli.main import entry

if __name__ == "__main__":
    entry()

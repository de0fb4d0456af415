"""The command `vaultedge`: one module per sub-command, listed in main.py."""

"""The command `vaultedge`: one module per subcommand, listed in main.py."""

"""What developers run: compilers of the tables that the gateway reads."""

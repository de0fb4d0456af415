"""Programs for developers: compilers of the tables that the gateway reads."""

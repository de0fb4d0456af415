"""Settlements that the store could not take: kept in memory and in a journal until they are charged."""

"""The only code that persists anything: one protocol, implemented in memory, in SQLite and in DynamoDB."""

"""The only code that keeps anything: in memory, in SQLite or in DynamoDB, by one contract."""

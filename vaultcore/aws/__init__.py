"""The gateway's own use of AWS: secrets, a table, a topic, a stack. botocore is imported when first used."""

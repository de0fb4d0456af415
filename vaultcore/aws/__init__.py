"""What this package asks of AWS itself: secrets, a table, a topic. botocore is imported when first used."""

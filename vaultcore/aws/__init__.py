"""What this package asks of AWS itself: secrets. botocore is imported when it is first used."""

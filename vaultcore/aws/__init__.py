"""What this package asks of AWS itself: secrets. boto3 is imported when it is first used."""

"""Compares the vendors' SDK types with the code that reads and writes their formats; `make lint` runs it.

sources     the fields of the SDKs' types: openai, anthropic, google-genai and botocore
names       the names in our code
allowed     the reviewed list of fields that no code needs to name
__main__    prints the fields that no code names and nobody has reviewed
"""

"""Lambda response streaming for an ASGI application in Python. Independent of the gateway.

The managed Python runtime cannot stream a response. This package calls the Lambda Runtime API itself:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html (with its section on response streaming).
"""

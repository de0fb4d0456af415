"""Lambda response streaming for an ASGI application in Python. Knows nothing of gateways.

The managed Python runtime answers in one piece only. This package talks to the Lambda Runtime API itself:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html (and its section on response streaming).
"""

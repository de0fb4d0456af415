"""Names the reason why a store is unavailable in one word, for logs and metrics.

SQLite: https://www.sqlite.org/rescode.html. DynamoDB: AWS's error code, or the name of botocore's exception.
"""

from __future__ import annotations

from vaultcore.aws.clients import AwsError
from vaultcore.errors import StoreUnavailable

SQLITE_CODES = {  # primary result codes
    3: "denied",  # SQLITE_PERM
    5: "locked",  # SQLITE_BUSY
    6: "locked",  # SQLITE_LOCKED
    8: "read_only",  # SQLITE_READONLY
    10: "io_error",  # SQLITE_IOERR
    11: "damaged",  # SQLITE_CORRUPT
    13: "disk_full",  # SQLITE_FULL
    14: "not_opened",  # SQLITE_CANTOPEN
    26: "damaged",  # SQLITE_NOTADB
}
SQLITE_EXTENDED_CODES = {
    4874: "disk_full",  # SQLITE_IOERR_SHMSIZE: no space for the index of the write-ahead log
}
AWS_CODES = {
    "AccessDeniedException": "denied",
    "ConnectTimeoutError": "timeout",
    "ConnectionClosedError": "no_connection",
    "CredentialRetrievalError": "denied",
    "EndpointConnectionError": "no_connection",
    "ExpiredTokenException": "denied",
    "InternalServerError": "aws_error",
    "NoCredentialsError": "denied",
    "ProvisionedThroughputExceeded": "throttled",
    "ProvisionedThroughputExceededException": "throttled",
    "ReadTimeoutError": "timeout",
    "RequestLimitExceeded": "throttled",
    "RequestTimeout": "timeout",
    "ResourceNotFoundException": "no_table",
    "SSLError": "no_connection",
    "ServiceUnavailable": "aws_error",
    "ThrottlingError": "throttled",
    "ThrottlingException": "throttled",
    "TransactionConflict": "conflict",
    "TransactionConflictException": "conflict",
    "UnprocessedKeys": "throttled",
    "UnrecognizedClientException": "denied",
    "crowded": "crowded",  # this process waited for its own calls
    "others write to the same items": "conflict",
}
FIXES = {  # for the operator
    "disk_full": "free space on the disk of the store",
    "read_only": "mount the store's file system writable, or fix the owner of the files with chown",
    "io_error": "check the disk and its quota; see the system's log",
    "locked": "end the other program that has locked the file",
    "damaged": "restore the file from a backup: docs/deployment.md",
    "not_opened": "fix the owner of the file and its directory with chown",
    "denied": "check the permissions in docs/deployment.md",
    "no_table": "check the table's name and region",
    "no_connection": "check the network and the region",
    "timeout": "check the network and the region",
    "throttled": "raise the table's capacity, or lower the traffic",
}


def unavailable_reason(error: StoreUnavailable) -> str:
    """Return the error's own reason, or that of its cause; "unavailable" if the cause is unknown."""
    if error.reason:
        return error.reason
    cause = error.__cause__
    if isinstance(cause, AwsError):
        return AWS_CODES.get(cause.code, "unavailable")
    code = getattr(cause, "sqlite_errorcode", None)  # of sqlite3.Error, without importing it
    if not isinstance(code, int):
        return "unavailable"
    return SQLITE_EXTENDED_CODES.get(code) or SQLITE_CODES.get(code & 0xFF, "unavailable")

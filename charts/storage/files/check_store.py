"""Say whether the S3 service can be reached: its name, its certificate, and an answer of any kind.

Without credentials a service answers 403, which will do: buckets and rights are checked by who uses them.
"""

import os
import ssl
import sys
import urllib.error
import urllib.request

TIMEOUT_SECONDS = 20


def answer(endpoint: str, ca: str) -> int:
    """The HTTP status that `endpoint` answers; `ca` is a file with its CA, "" takes the public ones.

    Raises:
        OSError: there is no such host, nobody listens, or the certificate is not trusted.
    """
    context = ssl.create_default_context(cafile=ca or None)
    try:
        with urllib.request.urlopen(endpoint, timeout=TIMEOUT_SECONDS, context=context) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def main() -> int:
    """0 if the service answers and not with a fault of its own, else 1."""
    endpoint = os.environ["S3_ENDPOINT"]
    try:
        status = answer(endpoint, os.environ.get("S3_CA", ""))
    except OSError as error:
        print(f"{endpoint}: {getattr(error, 'reason', error)}", file=sys.stderr)
        return 1
    print(f"{endpoint}: answers {status}", file=sys.stderr)
    return 1 if status >= 500 else 0


if __name__ == "__main__":
    sys.exit(main())

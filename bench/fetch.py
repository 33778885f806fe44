"""Fetches a long answer in a process of its own, as fast as it comes, and counts its lines.

Reads what to fetch as JSON from standard input, writes what came as JSON to standard output.
"""

import json
import sys
from http.client import HTTPConnection
from time import perf_counter

_PIECE = 1 << 18
_PATIENCE = 120.0


def main() -> None:
    """Fetch it whole."""
    wanted = json.load(sys.stdin)
    connection = HTTPConnection("127.0.0.1", wanted["port"], timeout=_PATIENCE)
    size = lines = 0
    begin = perf_counter()
    connection.request(
        "GET", wanted["path"], headers={"Authorization": f"Bearer {wanted['token']}"}
    )
    answer = connection.getresponse()
    while piece := answer.read1(_PIECE):
        size += len(piece)
        lines += piece.count(b"\n")
    told = {"status": answer.status, "bytes": size, "lines": lines}
    json.dump(told | {"seconds": perf_counter() - begin}, sys.stdout)


if __name__ == "__main__":
    main()

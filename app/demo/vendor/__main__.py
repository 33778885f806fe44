"""The command: `python -m app.demo.vendor --service URL --port N --credentials FILE`."""

import argparse
import json
import sys
from pathlib import Path

import uvicorn

from app.demo.vendor.site import make_site


def main(arguments: list[str] | None = None) -> None:
    """Serve the site on this machine until it is stopped."""
    options = _options(arguments)
    own_url = options.url or f"http://127.0.0.1:{options.port}"
    site = make_site(options.service, *_credentials(options.credentials), own_url)
    uvicorn.run(site, host=options.host, port=options.port, log_level="warning")


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("mend-and-co", description="The demo vendor, Mend & Co.")
    parser.add_argument("--service", required=True, help="address of the service")
    parser.add_argument("--credentials", required=True, type=Path, help="JSON file with both keys")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8001, help="port to listen on")
    parser.add_argument("--url", help="this site's own address, as the client registered it")
    return parser.parse_args(arguments)


def _credentials(file: Path) -> tuple[str, str]:
    """`client_id` and `client_secret` of the file; a clear word when they are not there."""
    try:
        held = json.loads(file.read_text())
        return str(held["client_id"]), str(held["client_secret"])
    except (OSError, ValueError, KeyError, TypeError):
        sys.exit(f"{file} must be a JSON object with client_id and client_secret.")


if __name__ == "__main__":
    main()

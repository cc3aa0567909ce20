"""`python -m api`: serve the API until SIGTERM or Ctrl-C."""

import asyncio
import sys

from api.serving import serve
from config import ConfigurationError, UnreachableError
from store.errors import StoreError, UnusableURLError


def run() -> int:
    """Serve; the exit code, after one sentence on stderr if it could not."""
    try:
        asyncio.run(serve())
    except (ConfigurationError, UnusableURLError) as wrong:
        print(f"api: {wrong}", file=sys.stderr)
        return 2
    except (UnreachableError, StoreError) as missing:
        print(f"api: {missing}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(run())

"""`python -m tests.chaos.mail_server FOLDER PORT`: the mail sink as a program of its own."""

import asyncio
import sys
from pathlib import Path

from standin.mailbox import Mailbox, smtp_server
from standin.serving import HOST, listen

if __name__ == "__main__":
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    with listen(port) as bound:
        asyncio.run(smtp_server(Mailbox(folder, HOST, port), bound, asyncio.Event()))

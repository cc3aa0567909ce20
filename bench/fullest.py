"""`python -m bench.fullest`: how large a dispute is that both traders have filled to their limits.

Beside Temporal's 2 MB for one answer or argument, and its 51,200 events and 50 MB for a history.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError

from bench.ground import CURRENCY, write_orders, write_policies
from bench.lives import BUYER, SELLER
from bench.server import server
from bench.workers import Kind, StoppedError, worker_process
from config import Settings
from domain.commands import COMMAND, Ask, Attachment, Close, CommandBase, Offer, Remedy, Say
from domain.openings import OpenDispute
from domain.parties import Actor, Party
from domain.view import Closed
from policies import read_policy
from service.failures import InputError, SilentError
from standin.serving import serve_mailbox, serve_marketplace
from workflows.dispute.process import Dispute
from workflows.kernel.case import Case

PLATFORM = Actor(party=Party.PLATFORM, id="platform")
ORDER = "PL-1"
AT_ONCE = 9
"""Commands that are sent together: Temporal takes ten of one case in flight."""


async def filled(client: Client, queue: str, text: str, files: tuple[Attachment, ...]) -> Any:
    """A dispute to which nothing more can be said, and the number of commands that it took."""
    opening = OpenDispute(
        country="PL",
        order_id=ORDER,
        opened_by=BUYER,
        text=text,
        attachments=files,
        reason="other",
        wanted=Remedy.FULL_REFUND,
    )
    handle: WorkflowHandle[Any, Closed] = await client.start_workflow(
        Dispute.run, opening, id=opening.case_id, task_queue=queue
    )
    taken = 0
    said: tuple[tuple[type[CommandBase], dict[str, Any]], ...] = (
        (Offer, {"remedy": Remedy.REPAIR, "text": text}),
        (Ask, {"text": text, "attachments": files}),
        (Say, {"text": text, "attachments": files}),
    )
    for by in (BUYER, SELLER):
        for verb, more in said:
            while True:
                commands = (
                    COMMAND.validate_python(
                        verb(by=by, command_id=f"{by.id}-{verb.word()}-{taken + n}", **more)
                    )
                    for n in range(AT_ONCE)
                )
                answers = await asyncio.gather(
                    *(handle.execute_update(Case.submit, one) for one in commands),
                    return_exceptions=True,
                )
                refused = [one for one in answers if isinstance(one, BaseException)]
                for one in refused:
                    if not isinstance(one, WorkflowUpdateFailedError):
                        raise one
                taken += len(answers) - len(refused)
                if refused:
                    break
    return handle, taken


async def run() -> dict[str, object]:
    """Fill one case, and measure it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_orders(folder / "orders.json", {country: [f"{country}-1"] for country in CURRENCY})
        policies = write_policies(folder / "policies")
        with (policies / "pl.toml").open("a") as pl:
            pl.write("every_process.messages.per_day = 1000\n")
        limits = read_policy("PL", policies).dispute
        assert limits
        text = "ż" * (limits.messages.text_length // 2)
        files = tuple(
            Attachment(
                name=f"{n}{'ż' * 127}",
                size=limits.messages.attachment_bytes,
                media_type=limits.messages.media_types[0],
                sha256="0" * 64,
            )
            for n in range(limits.messages.attachments)
        )
        async with (
            server(folder) as (client, address),
            serve_marketplace(folder / "orders.json") as marketplace,
            serve_mailbox(folder / "mails") as mailbox,
        ):
            kind = Kind(bare=False, real=True)
            settings = Settings.read(
                database_url=f"sqlite:///{folder / 'case'}.db",
                task_queue=kind.queue,
                policies=policies,
                marketplace_url=marketplace,
                smtp_host=mailbox.host,
                smtp_port=mailbox.port,
                smtp_starttls=False,
                mail_from="service@recourse.example",
            )
            with worker_process(kind, address, settings):
                handle, taken = await filled(client, kind.queue, text, files)
                sizes: dict[str, int] = {}
                began = time.monotonic()
                for query in (Case.view, Case.export):
                    answer = await handle.query(query)
                    sizes[f"{query.__name__}_bytes"] = len(answer.model_dump_json().encode())
                looked = time.monotonic() - began
                last = Close(by=PLATFORM, command_id="end", reason=text)
                await handle.execute_update(Case.submit, last)
                await handle.result()
                history = [event async for event in handle.fetch_history_events()]
    return {
        "case": "dispute, filled by both traders",
        "commands": taken,
        "events": len(history),
        "history_bytes": sum(event.ByteSize() for event in history),
        "largest_event_bytes": max(event.ByteSize() for event in history),
        **sizes,
        "both_ms": round(looked * 1000),
    }


def main() -> None:
    """Measure, and print one object."""
    try:
        print(json.dumps(asyncio.run(run())))
    except (InputError, SilentError, StoppedError) as error:
        sys.exit(f"bench: {error}")


if __name__ == "__main__":
    main()

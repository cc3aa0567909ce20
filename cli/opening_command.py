"""`starter.py open`: one opening, or all disputes of a marketplace's list."""

import asyncio
import json
import sys

from temporalio.client import Client

from cli.allegro import Read
from cli.failures import RefusedError
from cli.opening import open_case, registered
from cli.page import print_page
from cli.reaching import answer, with_temporal
from cli.showing import Shown
from cli.words import due_in_words
from config import Settings
from domain.openings import Opening
from domain.stages import Stage
from domain.view import CaseView

AT_ONCE = 10
"""How many cases of a list are opened side by side."""


def open_one(opening: Opening, as_json: bool) -> None:
    """Open a case and print its page."""
    view = with_temporal(lambda client: _open(client, opening))
    if as_json:
        print(json.dumps(_as_json(opening.case_id, view)))
    else:
        print(_sentence(opening.case_id, view))
        if view:
            print()
            print_page(Shown(view))


def open_all(read: Read, as_json: bool) -> bool:
    """Open each dispute once, say what became of each, and whether all of them are open."""
    found = with_temporal(lambda client: _open_all(client, read.openings))
    refused = {case_id: one for case_id, one in found.items() if isinstance(one, RefusedError)}
    opened = {case_id: one for case_id, one in found.items() if not isinstance(one, RefusedError)}
    if as_json:
        document = {
            "opened": [_as_json(case_id, view) for case_id, view in opened.items()],
            "refused": [
                {"case_id": case_id, "code": one.code, "sentence": str(one)}
                for case_id, one in refused.items()
            ],
            "not_supported": list(read.claims),
        }
        print(json.dumps(document, ensure_ascii=False))
    else:
        for case_id, view in opened.items():
            print(_sentence(case_id, view))
        for claim in read.claims:
            print(f"{claim} is a CLAIM: complaints are not run yet, and it was left out.")
    for case_id, one in refused.items():
        print(f"{case_id} was not opened: {one.code}: {one}", file=sys.stderr)
    return not refused


async def _open(client: Client, opening: Opening) -> CaseView | None:
    await answer(open_case(client, opening, Settings.read().task_queue), opening.case_id)
    return await registered(client, opening.case_id)


async def _open_all(
    client: Client, openings: tuple[Opening, ...]
) -> dict[str, CaseView | RefusedError | None]:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(opening: Opening) -> CaseView | RefusedError | None:
        async with turns:
            try:
                return await _open(client, opening)
            except RefusedError as error:
                return error

    results = await asyncio.gather(*(one(opening) for opening in openings))
    return dict(zip((opening.case_id for opening in openings), results, strict=True))


def _sentence(case_id: str, view: CaseView | None) -> str:
    if view is None:
        return f"{case_id} is opened and still being registered; look again with `show`."
    if view.stage is Stage.CLOSED:
        return f"{case_id} is closed: {view.ending}. Opening it again changes nothing."
    until = f" until {due_in_words(view.due, view.zone)}" if view.due else ""
    return f"{case_id} is open and waits for the {view.awaited}{until}."


def _as_json(case_id: str, view: CaseView | None) -> dict[str, str | None]:
    return {
        "case_id": case_id,
        "stage": view.stage if view else Stage.OPENING,
        "awaited": view.awaited if view else None,
        "due": view.due.isoformat() if view and view.due else None,
    }

"""`starter.py open`: one opening, or all disputes and claims of a marketplace's list."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime

from cli.connecting import with_cases
from cli.paper import print_page
from cli.words import printable
from config import Settings
from domain.openings import OpenComplaint, Opening
from domain.stages import Stage
from domain.view import CaseView, ComplaintView
from pages.case import case_page
from pages.words import due_in_words
from service.failures import RefusedError
from service.opening import Opened, differing, open_all, open_and_look
from service.showing import Shown


def open_one(opening: Opening, as_json: bool) -> None:
    """Open a case and print its page."""
    task_queue = Settings.read().task_queue
    opened = with_cases(lambda client, engine: open_and_look(client, engine, opening, task_queue))
    if opened.before and (differs := differing(opened.before, opening)):
        raise RefusedError("opening-differs", _refusal(opening, differs))
    if as_json:
        print(json.dumps(_as_json(opening, opened)))
    else:
        print(_sentence(opening, opened))
        if opened.view:
            print()
            print_page(case_page(Shown(opened.view)))


def open_list(openings: Sequence[Opening], as_json: bool) -> bool:
    """Open each case once, say what became of each, and whether all of them are open.

    A marketplace's issue that is known under its id is the same one though it reads otherwise now.
    """
    task_queue = Settings.read().task_queue
    became = with_cases(lambda client, engine: open_all(client, engine, openings, task_queue))
    found = list(zip(openings, became, strict=True))
    refused = [(opening, one) for opening, one in found if isinstance(one, RefusedError)]
    opened = [(opening, one) for opening, one in found if not isinstance(one, RefusedError)]
    if as_json:
        document = {
            "opened": [_as_json(opening, one) for opening, one in opened],
            "refused": [
                {"case_id": opening.case_id, "code": one.code, "sentence": str(one)}
                for opening, one in refused
            ],
        }
        print(json.dumps(document, ensure_ascii=False))
    else:
        for opening, one in opened:
            print(_sentence(opening, one))
    for opening, error in refused:
        print(f"{opening.case_id} was not opened: {error.code}: {error}", file=sys.stderr)
    return not refused


def _refusal(opening: Opening, differs: str) -> str:
    numbered = opening.case_id.endswith(f":{opening.number}")
    other = "; open another case under the next `number`" if numbered else ""
    return (
        f"{opening.case_id} was opened before with another {differs}; nothing was changed. "
        f"Look at it with `starter.py show {opening.case_id}`{other}."
    )


def _sentence(opening: Opening, opened: Opened) -> str:
    case_id, (view, before) = opening.case_id, opened
    if view is None:
        return f"{case_id} is opened and still being registered; look again with `show`."
    decided = _goods(opening, view) + _decision(opening, view)
    if view.stage is Stage.CLOSED:
        return f"{case_id} is closed: {view.ending}. Opening it again changes nothing.{decided}"
    until = f" until {due_in_words(view.due, view.zone)}" if view.due else ""
    waits = f"waits for the {view.awaited}{until}.{decided}"
    if before is None:
        return f"{case_id} is open and {waits}"
    differs = differing(before, opening)
    though = f", though {differs} reads otherwise now" if differs else ""
    return f"{case_id} was open already; nothing was changed{though}. It {waits}"


def _goods(opening: Opening, view: CaseView) -> str:
    """What a complaint is about, where the marketplace named that by its own offer."""
    if not isinstance(opening, OpenComplaint) or opening.offer is None:
        return ""
    if _knows_offer(opening, view):
        return f" It is about {', '.join(f'{one.quantity} × {one.sku}' for one in view.units)}."
    return (
        f" The order has no line of the offer {printable(opening.offer.id)}: it is about the whole "
        "order."
    )


def _knows_offer(opening: OpenComplaint, view: CaseView) -> bool:
    offer = opening.offer
    return offer is not None and any(
        offer.id in (one.offer_id, one.sku, one.article) for one in view.lines
    )


def _decision(opening: Opening, view: CaseView) -> str:
    """Whether the time to answer a complaint ends on the day by which the marketplace wants it
    decided.
    """
    if not isinstance(view, ComplaintView):
        return ""
    theirs, ours = _decision_due(opening), view.answer_due
    if theirs is None or ours is None:
        return ""
    agree = "agree" if view.decision_due is None else "differ; the case goes by its own"
    there = view.answer_was_due
    anew = f" That is over: the seller has time again until {due_in_words(ours, view.zone)}."
    return (
        f" Its own time to answer {'ended' if there else 'ends'} "
        f"{due_in_words(there or ours, view.zone)}, the marketplace's "
        f"{due_in_words(theirs, view.zone)}: they {agree}.{anew if there else ''}"
    )


def _decision_due(opening: Opening) -> datetime | None:
    return opening.decision_due if isinstance(opening, OpenComplaint) else None


def _as_json(opening: Opening, opened: Opened) -> dict[str, str | bool | None]:
    view = opened.view
    found: dict[str, str | bool | None] = {
        "case_id": opening.case_id,
        "was_open": opened.before is not None,
        "stage": view.stage if view else Stage.OPENING,
        "awaited": view.awaited if view else None,
        "due": view.due.isoformat() if view and view.due else None,
    }
    return found | (_of_complaint(opening, view) if view else {})


def _of_complaint(opening: Opening, view: CaseView) -> dict[str, str | bool | None]:
    """What the marketplace's list says of a complaint, beside what the case has made of it."""
    found: dict[str, str | bool | None] = {}
    if isinstance(opening, OpenComplaint) and opening.offer:
        found |= {"offer": opening.offer.id, "offer_known": _knows_offer(opening, view)}
    theirs = _decision_due(opening)
    if theirs and isinstance(view, ComplaintView) and view.answer_due:
        found |= {
            "answer_due": view.answer_due.isoformat(),
            "answer_was_due": view.answer_was_due.isoformat() if view.answer_was_due else None,
            "decision_due": theirs.isoformat(),
            "agree": view.decision_due is None,
        }
    return found

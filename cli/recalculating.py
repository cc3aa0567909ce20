"""`starter.py recalculate`: open cases take up the rules as they are now."""

import json
import sys
from uuid import uuid4

from pydantic import ValidationError

from cli.connecting import with_temporal
from cli.failures import defect, failure
from cli.misfits import mistyped
from cli.typed import actor_from
from domain.parties import Party
from domain.view import Recalculate, Recalculated
from pages.words import due_in_words
from service.countries import country_of, zone_of
from service.failures import InputError
from service.recalculating import recalculate


def recalculate_all(cases: list[str], reason: str, by: str, as_json: bool) -> int:
    """Recalculate each case, print what moved, and answer the worst exit code."""
    actor = actor_from(by)
    if actor.party not in (Party.AGENT, Party.PLATFORM):
        raise InputError("Only an agent or the platform recalculates; say so with --as.")
    if not reason.strip():
        raise InputError("Give a --reason: it is kept in the case's timeline.")
    try:
        wish = Recalculate(command_id=str(uuid4()), by=actor, reason=reason)
    except ValidationError as unfit:
        raise mistyped(unfit, {"reason": "--reason", "by": "--as"}) from None
    asked = {case: wish.model_copy(update={"command_id": str(uuid4())}) for case in cases}
    worst = 0
    for case, result in with_temporal(lambda client: recalculate(client, asked)).items():
        if isinstance(result, Recalculated):
            print(_as_json(case, result) if as_json else _sentence(case, result))
        else:
            exit_code, code, sentence = failure(result) or defect(result)
            if as_json:
                error = {"code": code, "sentence": sentence}
                print(json.dumps({"case_id": case, "error": error}))
            print(f"{case}: {code}: {sentence}", file=sys.stderr)
            worst = max(worst, exit_code)
    return worst


def _sentence(case: str, result: Recalculated) -> str:
    zone = zone_of(country_of(case))
    under = f"now under policy {result.policy_version}"
    if result.due_before == result.due_after:
        still = f"still due {due_in_words(result.due_after, zone)}" if result.due_after else ""
        return f"{case}: {under}, {still or 'nothing is due'}."
    before, after = due_in_words(result.due_before, zone), due_in_words(result.due_after, zone)
    return f"{case}: {under}, due {after} instead of {before}."


def _as_json(case: str, result: Recalculated) -> str:
    return json.dumps({"case_id": case, **result.model_dump(mode="json")})

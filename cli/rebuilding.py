"""`starter.py rebuild`: what the store lacks of cases comes back from their histories."""

from collections.abc import Sequence

from sqlalchemy import Engine
from temporalio.client import Client

from cli.connecting import with_cases
from service.rebuilding import Rebuilt, every_case, rebuild


def rebuild_all(case_ids: Sequence[str], *, only_look: bool) -> list[Rebuilt]:
    """Rebuild these cases, or all that Temporal still has."""

    async def work(client: Client, engine: Engine) -> list[Rebuilt]:
        ids = case_ids or await every_case(client)
        return [await rebuild(client, engine, id_, only_look=only_look) for id_ in ids]

    return with_cases(work)


def told(done: Sequence[Rebuilt], *, only_look: bool) -> str:
    """What came of it, in a line for each case that lacked something, and one for all."""
    lacked = [one for one in done if one.lacked]
    lines = [_line(one) for one in done if one.lacked or one.why]
    if not lacked:
        says = "the store has all their records"
    elif only_look:
        says = f"the store lacks records of {len(lacked)}"
    else:
        says = f"the store lacked records of {len(lacked)}, and has them now"
    return "\n".join([*lines, f"{len(done)} cases: {says}."])


def _line(one: Rebuilt) -> str:
    if one.why:
        return f"{one.case_id} cannot be read: {one.why}"
    if one.records:
        return f"{one.case_id}: of its {one.records} records the store lacks some"
    return f"{one.case_id} writes no records, and stands otherwise than the store has it"

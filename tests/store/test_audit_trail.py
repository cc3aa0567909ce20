"""A trail that only grows, and is read from its end."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from store.audit_trail import AuditTrail, Deed, Sought


def deed(at: datetime, person: str, case_id: str | None = None) -> Deed:
    return Deed(
        at=at,
        role="seller",
        person=person,
        token="t",
        method="POST",
        route="/v1/cases/{case_id}/commands",
        case_id=case_id,
        status=200,
        request="r",
    )


def test_is_the_trail_read_from_its_end_page_by_page_and_narrowed(
    engine: Engine, noon: datetime
) -> None:
    trail = AuditTrail(engine)
    trail.add([deed(noon + timedelta(minutes=n), f"s-{n % 2}", f"c-{n % 3}") for n in range(6)])
    first = trail.page(Sought(), 4)
    assert [one.at.minute for one in first] == [5, 4, 3, 2]
    rest = trail.page(Sought(), 4, first[-1].number)
    assert [one.at.minute for one in rest] == [1, 0]
    assert [one.at.minute for one in trail.page(Sought(person="s-1"), 9)] == [5, 3, 1]
    assert [one.at.minute for one in trail.page(Sought(case_id="c-2"), 9)] == [5, 2]
    since = Sought(since=noon + timedelta(minutes=4))
    assert [one.at.minute for one in trail.page(since, 9)] == [5, 4]


def test_does_the_database_refuse_to_change_the_trail(engine: Engine, noon: datetime) -> None:
    trail = AuditTrail(engine)
    trail.add([deed(noon, "s-1")])
    changes = ["UPDATE deeds SET person = 's-2'", "DELETE FROM deeds"]
    if engine.dialect.name == "postgresql":
        changes.append("TRUNCATE deeds")
    for change in changes:
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.exec_driver_sql(change)
    assert [one.person for one in trail.page(Sought(), 9)] == ["s-1"]

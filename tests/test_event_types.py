"""Does docs/events.md list the events as they are?"""

import re

from config import HERE
from domain.public_events import DATA, EventType, PublicEvent

PAGE = (HERE / "docs" / "events.md").read_text()


def test_every_type_has_its_row_with_its_fields() -> None:
    rows = dict(re.findall(r"^\| `([a-z.-]+)` \| (.*?) \|", PAGE, re.MULTILINE))
    assert [*rows] == [type_.value for type_ in EventType]
    for type_, fields in rows.items():
        assert re.findall(r"`(\w+)`", fields) == [*DATA[EventType(type_)].model_fields], type_


def test_every_field_that_all_have_is_explained() -> None:
    assert re.findall(r"^- `(\w+)`", PAGE, re.MULTILINE) == [*PublicEvent.model_fields]

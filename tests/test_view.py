"""What a case of each kind shows."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from domain.kinds import Kind
from domain.stages import Stage
from domain.view import VIEW, CaseView
from workflows.processes import PROCESSES


def shown(kind: Kind) -> dict[str, Any]:
    """A case that has just been opened, as it is written down."""
    asked = {"reason": "defect", "wanted": "full-refund"} if kind is Kind.DISPUTE else {}
    return {
        "id": f"{kind}:PL:PL-1:1",
        "kind": kind.value,
        "country": "PL",
        "order_id": "PL-1",
        "opened_at": datetime(2026, 11, 30, 12, tzinfo=UTC).isoformat(),
        "opened_by": {"party": "buyer", "id": "b-1"},
        "stage": Stage.OPENING.value,
        **asked,
    }


@pytest.mark.parametrize("kind", Kind)
def test_is_a_view_read_as_what_its_process_shows(kind: Kind) -> None:
    view = VIEW.validate_python(shown(kind))
    assert type(view) is PROCESSES[kind].look.__annotations__["return"]
    assert VIEW.validate_json(view.model_dump_json()) == view


@pytest.mark.parametrize("kind", Kind)
def test_is_a_view_flat_and_has_nothing_that_its_kind_cannot_have(kind: Kind) -> None:
    has = set(type(VIEW.validate_python(shown(kind))).model_fields)
    others = {
        name for each in Kind for name in type(VIEW.validate_python(shown(each))).model_fields
    }
    assert has >= set(CaseView.model_fields)
    for name in others - has:
        with pytest.raises(ValidationError) as refused:
            VIEW.validate_python(shown(kind) | {name: None})
        assert [(error["type"], error["loc"][1]) for error in refused.value.errors()] == [
            ("extra_forbidden", name)
        ]

"""Does the reason on a return form choose the process, and is there no third kind of reason?"""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from domain.commands import Remedy
from domain.goods import ReturnReason, Way
from domain.openings import OpenComplaint, OpenWithdrawal, ReturnForm

FORM: dict[str, Any] = {
    "kind": "return-form",
    "country": "SI",
    "order_id": "SI-2005",
    "number": 2,
    "opened_by": {"party": "buyer", "id": "20000005"},
    "reason": "changed-mind",
    "lines": [{"sku": "SAL-SIV", "quantity": 1}],
    "text": "I changed my mind.",
    "way": "buyers-own",
}


def form(**more: Any) -> ReturnForm:
    return ReturnForm.model_validate_json(json.dumps({**FORM, **more}))


def test_does_a_reason_of_withdrawal_open_a_withdrawal_with_all_that_the_form_says() -> None:
    opening = form().opening()
    assert isinstance(opening, OpenWithdrawal)
    assert opening.case_id == "withdrawal:SI:SI-2005:2"
    assert opening.model_dump(mode="json", exclude_defaults=True) == {
        name: value for name, value in FORM.items() if name != "kind"
    }
    assert opening.way is Way.BUYERS_OWN


@pytest.mark.parametrize("wanted", [None, Remedy.REPLACEMENT])
def test_does_a_reason_of_complaint_open_a_complaint_with_all_that_the_form_says(
    wanted: Remedy | None,
) -> None:
    opening = form(reason="defective", way=None, wanted=wanted).opening()
    assert isinstance(opening, OpenComplaint)
    assert opening.case_id == "complaint:SI:SI-2005:2"
    assert opening.model_dump(mode="json", exclude_defaults=True) == {
        **{name: value for name, value in FORM.items() if name not in ("kind", "way")},
        "reason": "defective",
        "wanted": wanted or "repair",
    }


@pytest.mark.parametrize("reason", ReturnReason)
def test_is_each_reason_of_exactly_one_of_two_kinds(reason: ReturnReason) -> None:
    opening = form(reason=reason, way=None).opening()
    assert isinstance(opening, OpenComplaint if reason.complains else OpenWithdrawal)
    assert opening.reason is reason


def test_are_five_reasons_of_withdrawal_and_five_of_complaint() -> None:
    assert sum(reason.complains for reason in ReturnReason) * 2 == len(ReturnReason) == 10


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"reason": "defective"}, '"defective" is a reason of complaint; leave `way` out'),
        ({"wanted": "repair"}, '"changed-mind" is a reason of withdrawal; leave `wanted` out'),
    ],
)
def test_is_what_does_not_go_with_the_reason_refused(bad: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        form(**bad)


@pytest.mark.parametrize("bad", [{"reason": "bored"}, {"reason": None}, {"stated_at": None}])
def test_does_a_form_take_no_other_reason_and_no_other_field(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        form(**bad)

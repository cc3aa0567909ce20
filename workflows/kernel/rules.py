"""The rules that a case is pinned to, read anew."""

from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.cases import YEARS_AHEAD, Cases
from domain.openings import Opening
from domain.policy import Terms
from domain.ports import PinRules, Registration, Rules
from domain.refusals import Code, Refusal
from workflows.kernel.judging import refused
from workflows.kernel.options import RULES


async def with_rules_of_now(pinned: Registration, opening: Opening, at: datetime) -> Registration:
    """A case's registration with the rules as they stand now, instead of those of before."""
    assert pinned.calendar is not None
    rules, terms = await rules_now(
        PinRules(
            country=opening.country,
            kind=opening.kind,
            first_year=pinned.calendar.first_year,
            last_year=at.year + YEARS_AHEAD,
        )
    )
    return pinned.model_copy(
        update={
            "policy_version": rules.policy_version,
            "terms": terms,
            "calendar": rules.calendar,
        }
    )


async def rules_now(wanted: PinRules) -> tuple[Rules, Terms]:
    """A country's rules as they stand now, and those of the case's process; refused if they cannot
    be read, or there are none any more.
    """
    try:
        rules: Rules = await workflow.execute_activity_method(
            Cases.pin, wanted, summary="read policy and calendar as they are now", **RULES
        )
    except ActivityError as error:
        raise refused(
            Refusal(
                code=Code.POLICY_UNKNOWN,
                sentence="The policy files cannot be read now; mend them, then try again.",
            )
        ) from error
    if rules.terms is None:
        raise refused(
            Refusal(
                code=Code.POLICY_UNKNOWN,
                sentence="The policy has no rules for this process any more; add them first.",
            )
        )
    return rules, rules.terms

"""The rules that a case is pinned to, read anew."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.cases import Cases
from domain.policy import Terms
from domain.ports import PinRules, Rules
from domain.refusals import Code, Refusal
from workflows.kernel.judging import refused
from workflows.kernel.options import RULES


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

"""What a remedy costs, and which amounts go with it."""

from domain.commands import Decide, Remedy, Verdict
from domain.money import Money, step_of
from domain.refusals import Code, Refusal


def whole_refusal(amount: Money) -> Refusal:
    """Why an amount that is not made of its currency cannot be offered, deducted or paid."""
    whole = amount.amount_minor // step_of(amount.currency)
    near = f"{whole} or {whole + 1}" if whole else "1"
    return Refusal(
        code=Code.AMOUNT_NOT_WHOLE,
        sentence=f"{amount.currency} is paid in whole amounts; name {near} {amount.currency}, "
        f"not {amount.figures}.",
    )


def amount_refusal(remedy: Remedy | None, amount: Money | None, left: Money) -> Refusal | None:
    """Why `amount` does not go with `remedy`; `left` is the most that can be paid by it."""
    if amount is None:
        if remedy is Remedy.PARTIAL_REFUND:
            return Refusal(
                code=Code.AMOUNT_MISSING, sentence="A partial refund needs an amount; name one."
            )
        return None
    if remedy not in (Remedy.PARTIAL_REFUND, Remedy.RETURN_FOR_REFUND):
        return Refusal(
            code=Code.AMOUNT_NEEDLESS,
            sentence="Only a partial refund or a return for refund names an amount; leave it out.",
        )
    if amount.currency != left.currency:
        return Refusal(
            code=Code.CURRENCY_DIFFERS,
            sentence=f"The order was paid in {left.currency}; name the amount in it.",
        )
    if not left.amount_minor:
        return Refusal(
            code=Code.AMOUNT_TOO_HIGH,
            sentence="All that was paid for these goods has come back; name another remedy.",
        )
    if not 0 < amount.amount_minor <= left.amount_minor:
        return Refusal(
            code=Code.AMOUNT_TOO_HIGH,
            sentence=f"The amount must be above zero and at most {left.figures}, "
            "which is what is left of what was paid for these goods.",
        )
    return None


def verdict_refusal(decide: Decide) -> Refusal | None:
    """Why a verdict does not go with the remedy that it names, or lacks."""
    for_seller = decide.verdict is Verdict.FOR_SELLER
    if for_seller is (decide.remedy is None):
        return None
    return Refusal(
        code=Code.VERDICT_DIFFERS,
        sentence="A verdict for the seller orders no remedy; leave it out."
        if for_seller
        else f"Add the remedy that the verdict orders: one of {', '.join(Remedy)}.",
    )


def refund_of(remedy: Remedy, amount: Money | None, left: Money) -> Money | None:
    """The money that a remedy moves: a full refund is all that is left."""
    if not remedy.refunds:
        return None
    return amount or left

"""The marketplace over HTTP (docs/marketplace-api.md): what it is asked, commanded and told."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Concatenate, Literal, ParamSpec, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, Field, ValidationError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.calling import Answer, Caller, NoAnswerError, Request
from activities.keeping import BreachBook
from activities.pulse import Pulse
from domain.goods import Label
from domain.money import Currency, Money
from domain.orders import Order, Tracking
from domain.ports import (
    BreachReport,
    ClaimFiled,
    ClaimToFile,
    Dispatch,
    DispatchAnswer,
    LabelMade,
    LabelWanted,
    Recovery,
    Redelivery,
    RefundCommand,
    RefundReport,
    RefundState,
    StopDispatch,
)

REFUSED = "marketplace-refused"
"""The type of a failure that no retry can mend."""

RULE = "value_error"
"""The type of what breaks a rule of ours, which is said in our own words and without values."""

NOT_FOR_GOOD = frozenset({401, 403, 408, 425, 429})
"""Refusals of the caller or of the moment: they say nothing about what was asked."""

DONE = frozenset({200, 201})
Form = TypeVar("Form", bound=BaseModel)
Given = ParamSpec("Given")
Result = TypeVar("Result")


class MarketplaceUnavailableError(Exception):
    """No answer came, or none that can be understood: whether it was done is not known.

    `code` says which in a word: timeout, no-connection, not-understood, status-503,
    answer-too-large, and paused, if it was not asked because it had kept silent (calling.py).
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class RefundAnswer(BaseModel):
    """What the marketplace says of a refund."""

    state: Literal["requested", "confirmed", "failed"]
    reason: str = ""


class StoppedAnswer(BaseModel):
    """What the marketplace says when a cancellation was first."""

    state: Literal["stopped"]


class LabelAnswer(BaseModel):
    """What the marketplace says of a return label."""

    label: Label
    tracking: Tracking
    charged_minor: Annotated[int, Field(ge=0, le=10**12, strict=True)]
    currency: Currency


class RedeliveryAnswer(BaseModel):
    """What the marketplace says of the charge for sending goods again."""

    state: Literal["requested", "paid"]


class VoidAnswer(BaseModel):
    """What the marketplace says of such a charge that is owed no more."""

    state: Literal["voided"]


class ClaimAnswer(BaseModel):
    """What the marketplace says of a claim that it has sent to a carrier."""

    reference: Annotated[str, Field(min_length=1, max_length=100)]


class ProblemDocument(BaseModel):
    """The one member of a problem document that programs read."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,99}$")]


def watched(
    ask: Callable[Concatenate[Marketplace, Given], Result],
) -> Callable[Concatenate[Marketplace, Given], Result]:
    """Notes for health whether the marketplace gave a good answer."""

    @functools.wraps(ask)
    def asking(asked: Marketplace, /, *args: Given.args, **more: Given.kwargs) -> Result:
        try:
            result = ask(asked, *args, **more)
        except MarketplaceUnavailableError:
            asked.pulse.failed()
            raise
        asked.pulse.went_well()
        return result

    return asking


class Marketplace:
    """Asks and commands the marketplace. Usable from several threads; `close` it at the end.

    Timeouts are seconds: until a connection stands, and from there to the answer's last byte. No
    request takes longer than both together.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        connect_timeout: float = 2.0,
        read_timeout: float = 10.0,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._caller = Caller(connect_timeout=connect_timeout, answer_timeout=read_timeout)
        self.pulse = Pulse()

    @property
    def failing(self) -> bool:
        """Whether it gives no good answers now, or is hardly asked any more since it is silent."""
        return self.pulse.failing or self._caller.spared

    def cut_off(self) -> None:
        """Ends what is under way without an answer; whoever asks later is refused. At once."""
        self._caller.cut_off()

    def close(self) -> None:
        """The same, and closes the connections."""
        self._caller.close()

    @watched
    def order(self, order_id: str) -> Order | None:
        """The order; None if the marketplace has none with this id.

        Raises MarketplaceUnavailableError, and a non-retryable ApplicationError for an order that
        is not of the promised form.
        """
        if order_id in {".", ".."}:
            return None  # no URL can name it
        answer = self._ask("GET", f"/orders/{quote(order_id, safe='')}")
        if answer.status == 404 and _problem(answer) == "order-unknown":
            return None
        if answer.status != 200:
            raise _misplaced(answer)
        try:
            order = Order.model_validate_json(answer.content)
            _ = order.paid  # which is not money if it adds up to more than there is
        except ValidationError as error:
            # Where and what, never the values: they are personal data.
            wrong = error.errors(include_input=False, include_url=False, include_context=False)
            if wrong[0]["type"] == "json_invalid":
                raise _not_understood() from None
            where = ".".join(str(part) for part in wrong[0]["loc"]) or "the whole"
            why = wrong[0]["msg"].removeprefix("Value error") if wrong[0]["type"] == RULE else ""
            raise _refused(
                f"answered an order in another form than promised: {where}{why}"
            ) from None
        if order.id != order_id:
            raise _refused("answered another order than the one asked for")
        try:
            return order.within_bounds()
        except ValueError as error:
            raise _refused(f"answered an order that is too large: {error}") from None

    def refund(self, command: RefundCommand) -> RefundReport:
        """Commands the refund; under the same key it is the same refund.

        Never raises for an answer that is lost or makes no sense: that is UNCONFIRMED.
        """
        try:
            return self._refund(command)
        except MarketplaceUnavailableError as trouble:
            return _unconfirmed(command.key, trouble)

    @watched
    def _refund(self, command: RefundCommand) -> RefundReport:
        answer = self._ask(
            "POST",
            "/refunds",
            key=command.key,
            body={
                "case_id": command.case_id,
                "order_id": command.order_id,
                "amount_minor": command.amount.amount_minor,
                "currency": command.amount.currency,
            },
        )
        refusal = _refusal(answer)
        if refusal is not None:
            return RefundReport(key=command.key, state=RefundState.FAILED, reason=refusal)
        return _report(command.key, answer)

    def refund_status(self, key: str) -> RefundReport | None:
        """What became of a refund; None if the marketplace has never received it.

        Never raises, like `refund`: not knowing is UNCONFIRMED.
        """
        try:
            return self._refund_status(key)
        except MarketplaceUnavailableError as trouble:
            return _unconfirmed(key, trouble)

    @watched
    def _refund_status(self, key: str) -> RefundReport | None:
        answer = self._ask("GET", f"/refunds/{quote(key, safe='')}")
        if answer.status == 404 and _problem(answer) == "refund-unknown":
            return None
        return _report(key, answer)

    @watched
    def stop_dispatch(self, wanted: StopDispatch) -> DispatchAnswer:
        """Stops the dispatch of these units, unless they were sent (W2).

        Raises MarketplaceUnavailableError while it is not known who was first, and a
        non-retryable ApplicationError if it is refused for another reason.
        """
        answer = self._ask(
            "POST",
            "/cancellations",
            key=wanted.key,
            body=wanted.model_dump(mode="json", exclude={"key"}),
        )
        refusal = _refusal(answer)
        if refusal == "already-shipped":
            return DispatchAnswer(dispatch=Dispatch.SENT)
        if refusal is not None:
            raise _refused(f"refused to stop the dispatch {wanted.key}: {refusal}")
        _told(answer, StoppedAnswer)
        return DispatchAnswer(dispatch=Dispatch.STOPPED)

    @watched
    def label(self, wanted: LabelWanted) -> LabelMade:
        """Orders a return label; under the same key it is the same label.

        Raises MarketplaceUnavailableError, and a non-retryable ApplicationError if it is refused.
        """
        answer = self._command(
            f"the label {wanted.key}",
            "/labels",
            key=wanted.key,
            body=wanted.model_dump(mode="json", exclude={"key"}),
        )
        made = _told(answer, LabelAnswer)
        return LabelMade(
            label=made.label,
            tracking=made.tracking,
            charged=Money(amount_minor=made.charged_minor, currency=made.currency),
        )

    @watched
    def file_claim(self, claim: ClaimToFile) -> ClaimFiled:
        """Has a claim, or an appeal, sent to a carrier (P5); under the same key it is the same.

        Raises MarketplaceUnavailableError, and a non-retryable ApplicationError if it is refused.
        """
        body = claim.model_dump(mode="json", exclude={"key", "amount"})
        answer = self._command(
            f"the carrier claim {claim.key}",
            "/carrier-claims",
            key=claim.key,
            body=body | _figures(claim.amount),
        )
        return ClaimFiled(reference=_told(answer, ClaimAnswer).reference)

    @watched
    def book(self, recovery: Recovery) -> None:
        """Books a carrier's money to a seller; under the same key it is the same money.

        Raises MarketplaceUnavailableError, and a non-retryable ApplicationError if it is refused.
        """
        body = recovery.model_dump(mode="json", exclude={"key", "amount"})
        answer = self._command(
            f"the booking {recovery.key}",
            "/bookings",
            key=recovery.key,
            body=body | _figures(recovery.amount),
        )
        if not 200 <= answer.status < 300:
            raise _misplaced(answer)

    @watched
    def request_redelivery(self, wanted: Redelivery) -> None:
        """Has the buyer pay for sending goods again (P1); under the same key it is one charge.

        Raises MarketplaceUnavailableError, and a non-retryable ApplicationError if it is refused.
        """
        body = wanted.model_dump(mode="json", include={"case_id", "order_id"})
        answer = self._command(
            f"the redelivery {wanted.key}",
            "/redeliveries",
            key=wanted.key,
            body=body | _figures(wanted.charge),
        )
        _told(answer, RedeliveryAnswer)

    @watched
    def void_redelivery(self, asked: Redelivery) -> None:
        """Voids the charge for sending goods again: unpaid it is owed no more, paid it is given
        back. Voided twice, it is voided once.

        Raises MarketplaceUnavailableError, and a non-retryable ApplicationError if it is refused.
        """
        answer = self._command(
            f"to void the redelivery {asked.key}", f"/redeliveries/{quote(asked.key, safe='')}/void"
        )
        _told(answer, VoidAnswer)

    @watched
    def tell_breach(self, report: BreachReport) -> None:
        """Tells of a seller's missed window (H7); under the same key it is the same breach.

        Raises MarketplaceUnavailableError, and a non-retryable ApplicationError if it is refused.
        """
        answer = self._command(
            f"the breach {report.key}",
            "/breaches",
            key=report.key,
            body=report.model_dump(mode="json", exclude={"key"}),
        )
        if not 200 <= answer.status < 300:
            raise _misplaced(answer)

    def _command(
        self, what: str, path: str, *, key: str | None = None, body: object = None
    ) -> Answer:
        """The answer to a command that was not refused for good; `what` was, in a sentence.

        Raises MarketplaceUnavailableError, and a non-retryable ApplicationError if it is refused.
        """
        answer = self._ask("POST", path, key=key, body=body)
        refusal = _refusal(answer)
        if refusal is not None:
            raise _refused(f"refused {what}: {refusal}")
        return answer

    def _ask(
        self, method: str, path: str, *, key: str | None = None, body: object = None
    ) -> Answer:
        """The answer, whatever it says; raises MarketplaceUnavailableError if none came."""
        headers = {"Authorization": f"Bearer {self._token}"}
        if key:
            headers["Idempotency-Key"] = key
        try:
            return self._caller.call(Request(method, self._base_url + path, headers, body))
        except NoAnswerError as trouble:
            raise MarketplaceUnavailableError(
                trouble.code,
                f"The marketplace {trouble}, when asked {method} {path}; check its base URL.",
            ) from None


class SellerConduct:
    """Records the breaches of sellers and tells the marketplace of them (H7)."""

    def __init__(self, marketplace: Marketplace, breaches: BreachBook) -> None:
        self._marketplace = marketplace
        self._breaches = breaches

    @activity.defn(name="report_breach", no_thread_cancel_exception=True)
    def report_breach(self, report: BreachReport) -> None:
        """Records the breach, then tells the marketplace; both once for each key."""
        self._breaches.record(report)
        self._marketplace.tell_breach(report)


def _figures(amount: Money) -> dict[str, object]:
    return {"amount_minor": amount.amount_minor, "currency": amount.currency}


def _report(key: str, answer: Answer) -> RefundReport:
    told = _told(answer, RefundAnswer, DONE | {202})
    return RefundReport(key=key, state=RefundState(told.state), reason=told.reason[:200])


def _told(answer: Answer, form: type[Form], statuses: frozenset[int] = DONE) -> Form:
    """The answer in its promised form; raises MarketplaceUnavailableError for any other."""
    if answer.status not in statuses:
        raise _misplaced(answer)
    try:
        return form.model_validate_json(answer.content)
    except ValidationError:
        raise _not_understood() from None


def _unconfirmed(key: str, trouble: MarketplaceUnavailableError) -> RefundReport:
    return RefundReport(key=key, state=RefundState.UNCONFIRMED, reason=trouble.code)


def _problem(answer: Answer) -> str | None:
    """The code of a problem document; None if the answer is none, such as a proxy's page."""
    try:
        return ProblemDocument.model_validate_json(answer.content).code
    except ValidationError:
        return None


def _refusal(answer: Answer) -> str | None:
    """The code with which the marketplace refuses for good; None if it does not."""
    if 400 <= answer.status < 500 and answer.status not in NOT_FOR_GOOD:
        return _problem(answer)
    return None


def _refused(what: str) -> ApplicationError:
    return ApplicationError(f"The marketplace {what}.", type=REFUSED, non_retryable=True)


def _misplaced(answer: Answer) -> MarketplaceUnavailableError:
    code = answer.status
    return MarketplaceUnavailableError(
        f"status-{code}", f"The marketplace answered with status {code}."
    )


def _not_understood() -> MarketplaceUnavailableError:
    return MarketplaceUnavailableError(
        "not-understood", "The marketplace's answer is not what was promised; check its base URL."
    )

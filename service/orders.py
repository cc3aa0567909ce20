"""Asking the marketplace for an order, from the command line."""

from contextlib import closing

from temporalio.exceptions import ApplicationError

from activities.marketplace import Marketplace, MarketplaceUnavailableError
from cli.records import database
from config import ConfigurationError, Settings
from domain.orders import Order
from domain.refusals import Code
from service.failures import InputError, RefusedError, SilentError
from store.cases import CaseRegister


def ask_order(order_id: str) -> Order:
    """The order as the marketplace has it now."""
    settings = Settings.read()
    if not settings.marketplace_url:
        raise ConfigurationError("Set RECOURSE_MARKETPLACE_URL: the order is asked for there.")
    marketplace = Marketplace(
        settings.marketplace_url,
        settings.marketplace_token.get_secret_value(),
        read_timeout=settings.marketplace_timeout_seconds,
    )
    with closing(marketplace):
        try:
            order = marketplace.order(order_id)
        except MarketplaceUnavailableError as error:
            raise SilentError(str(error)) from None
        except ApplicationError as error:
            raise SilentError(error.message) from None
    if order is None:
        raise RefusedError(
            Code.ORDER_UNKNOWN, f"The marketplace knows no order {order_id}; check the id."
        )
    return order


def country_of_order(order_id: str) -> str:
    """Where the order was placed: as the marketplace says, or, where it is not to be asked from
    here, the cases that were registered for the order.
    """
    if Settings.read().marketplace_url:
        return ask_order(order_id).country
    try:
        with database() as engine:
            found = CaseRegister(engine).countries_of(order_id)
    except SilentError:  # no worker has ever made tables there: nobody knows any order
        raise InputError("--country is missing; add it.") from None
    if len(found) != 1:
        raise InputError(
            f"Where order {order_id} was placed is not known here; give --country, "
            "or set RECOURSE_MARKETPLACE_URL."
        )
    return found.pop()

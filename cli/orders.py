"""Asking the marketplace for an order, from the command line."""

from contextlib import closing

from temporalio.exceptions import ApplicationError

from activities.marketplace import Marketplace, MarketplaceUnavailableError
from cli.failures import RefusedError, SilentError
from config import ConfigurationError, Settings
from domain.orders import Order
from domain.refusals import Code


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

"""Asking the marketplace from the command line."""

import asyncio
from contextlib import closing

from activities.marketplace import Marketplace
from cli.database import with_database
from config import ConfigurationError, Settings
from domain.orders import Order
from service import orders
from service.failures import InputError, SilentError


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
        return asyncio.run(orders.ask_order(marketplace, order_id))


def country_of_order(order_id: str) -> str:
    """Where the order was placed: as the marketplace says, or, where it is not to be asked from
    here, the cases that were registered for the order.
    """
    if Settings.read().marketplace_url:
        return ask_order(order_id).country
    try:
        found = with_database(lambda engine: orders.countries_of(engine, order_id))
    except SilentError:  # no worker has ever made tables there: nobody knows any order
        raise InputError("--country is missing; add it.") from None
    if len(found) != 1:
        raise InputError(
            f"Where order {order_id} was placed is not known here; give --country, "
            "or set RECOURSE_MARKETPLACE_URL."
        )
    return found.pop()

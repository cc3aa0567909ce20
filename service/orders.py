"""What is known of an order before it has a case."""

from asyncio import to_thread

from sqlalchemy import Engine
from temporalio.exceptions import ApplicationError

from activities.marketplace import Marketplace, MarketplaceUnavailableError
from domain.orders import Order
from domain.ports import Past
from domain.refusals import Code
from service.database import from_database
from service.failures import RefusedError, SilentError
from store.cases import CaseRegister


async def ask_order(marketplace: Marketplace, order_id: str) -> Order:
    """The order as the marketplace has it now."""
    try:
        order = await to_thread(marketplace.order, order_id)
    except MarketplaceUnavailableError as error:
        raise SilentError(str(error)) from None
    except ApplicationError as error:
        raise SilentError(error.message) from None
    if order is None:
        raise RefusedError(
            Code.ORDER_UNKNOWN, f"The marketplace knows no order {order_id}; check the id."
        )
    return order


async def countries_of(engine: Engine, order_id: str) -> set[str]:
    """The countries in which cases of the order were registered."""
    return await from_database(CaseRegister(engine).countries_of, order_id)


async def past_of(engine: Engine, order_id: str) -> Past:
    """The refunds that the order has had, and the cases that are open for it."""
    return await from_database(CaseRegister(engine).of_order, order_id)

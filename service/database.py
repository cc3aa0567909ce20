"""Asking the database beside everything else that is going on."""

from asyncio import to_thread
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from service.failures import SilentError
from store.errors import ContradictionError, StoreError

Given = ParamSpec("Given")
T = TypeVar("T")


async def from_database(ask: Callable[Given, T], *given: Given.args, **more: Given.kwargs) -> T:
    """What the database answers, waited for in a thread; SilentError if it cannot be asked.

    That what is asked contradicts what it has is no silence: ContradictionError stays.
    """
    try:
        return await to_thread(ask, *given, **more)
    except ContradictionError:
        raise
    except StoreError as error:
        raise SilentError(str(error)) from error

"""Asking somebody else whether a file does harm, before it is kept."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import aiohttp

from domain.refusals import Code
from service.failures import RefusedError, SilentError

WITHIN = 30.0
"""Seconds in which the scanner has to answer."""


async def scan(address: str, media_type: str, content: Callable[[], Iterator[bytes]]) -> None:
    """Send a file to the scanner: 204 says that it may be kept, 422 that it must not.

    RefusedError then; SilentError for any other answer and for none, so that nothing is kept that
    was not looked at. Without an address nothing is asked.
    """
    if not address:
        return
    limit = aiohttp.ClientTimeout(total=WITHIN)
    try:
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.post(
                address,
                data=_sent(content),
                headers={"Content-Type": media_type},
                allow_redirects=False,
            ) as answer,
        ):
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise SilentError(
            f"The scanner of files does not answer ({type(error).__name__})."
        ) from None
    if status == 422:
        raise RefusedError(Code.ATTACHMENT_REFUSED, "The file is not taken: it may do harm.")
    if status != 204:
        raise SilentError(f"The scanner of files answers {status}.")


async def _sent(content: Callable[[], Iterator[bytes]]) -> AsyncIterator[bytes]:
    chunks = await asyncio.to_thread(content)
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        yield chunk

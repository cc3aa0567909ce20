"""What the database knows of cases: the agents' queue, the headline figures, sellers' reports."""

from datetime import datetime

from sqlalchemy import Engine

from domain.kinds import Kind
from domain.ports import CostClaim, Recovery, Task
from service.countries import known_countries
from service.database import from_database
from store.cases import CaseRegister, Headline
from store.recoveries import Recoveries
from store.seller_reports import InactiveBuyer, SellerReportBook
from store.tasks import TaskQueue

Behind = tuple[datetime, str]
"""The instant and the key of what was last on the page before."""


async def tasks(engine: Engine, queue: str | None = None, owner: str | None = None) -> list[Task]:
    """The agents' tasks that are not done, the most urgent first."""
    return await from_database(TaskQueue(engine).waiting, queue, owner)


async def headline(
    engine: Engine, since: datetime | None = None, kind: Kind | None = None
) -> dict[str, Headline]:
    """The headline figures of closed cases, of "all" and of each country (D2)."""

    def figures() -> dict[str, Headline]:
        cases = CaseRegister(engine)
        each = {one: cases.headline(one, since=since, kind=kind) for one in known_countries()}
        return {"all": cases.headline(since=since, kind=kind), **each}

    return await from_database(figures)


async def recoveries(
    engine: Engine, seller: str, limit: int | None = None, behind: Behind | None = None
) -> list[Recovery]:
    """What carriers have paid a seller for lost and damaged parcels, newest first (P5)."""
    return await from_database(Recoveries(engine).of_seller, seller, limit, behind)


async def inactive_buyers(
    engine: Engine, seller: str, limit: int | None = None, behind: InactiveBuyer | None = None
) -> list[InactiveBuyer]:
    """The buyers whom a seller has reported, those with the most parcels first (P4)."""
    return await from_database(SellerReportBook(engine).inactive_buyers, seller, limit, behind)


async def costs(
    engine: Engine, seller: str, limit: int | None = None, behind: Behind | None = None
) -> list[CostClaim]:
    """What uncollected parcels have cost a seller, newest first (P4, P6)."""
    return await from_database(SellerReportBook(engine).costs, seller, limit, behind)

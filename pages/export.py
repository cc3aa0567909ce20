"""A case's document as one page to read and to print: it needs nothing but itself."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from activities.rendering import STEERING
from config import HERE
from domain.deadlines import Counting
from domain.export import CaseExport, SignedMoney, Someone
from domain.money import Money
from pages.words import in_words

TEMPLATES = HERE / "templates" / "export"

MINUS = "\u2212"


def make_page(document: CaseExport) -> str:
    """The document as a page of HTML. What people wrote is text in it, never markup."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {
        "when": when,
        "until": until,
        "money": money,
        "words": in_words,
        "who": who,
        "counted": counted,
        "begun": begun,
    }
    page = environment.get_template("case.html").render(
        document=document, case=document.case, zone=document.case.zone
    )
    return page.strip() + "\n"


def _shown(value: object) -> object:
    """A value as it is printed, without characters that would turn or hide what follows."""
    if isinstance(value, Markup):
        return value
    return STEERING.sub("\ufffd", str(value).replace("\r\n", "\n"))


@pass_context
def when(context: Context, at: datetime) -> Markup:
    """An instant on the case's clock."""
    local = at.astimezone(ZoneInfo(context["zone"]))
    return _time(at, f"{local:%a} {local.day} {local:%b %Y %H:%M}")


@pass_context
def until(context: Context, at: datetime) -> Markup:
    """A deadline on the case's clock: midnight is the end of the day before, as people say it."""
    local = at.astimezone(ZoneInfo(context["zone"]))
    if (local.hour, local.minute, local.second) != (0, 0, 0):
        return when(context, at)
    day = local.date() - timedelta(days=1)
    return _time(at, f"end of {day:%a} {day.day} {day:%b %Y}")


def _time(at: datetime, said: str) -> Markup:
    instant = at.isoformat().replace("+00:00", "Z")
    return Markup('<time datetime="{}">{}</time>').format(instant, said)


def money(amount: Money | SignedMoney) -> str:
    """An amount with its currency, which no line break parts."""
    unsigned = Money(amount_minor=abs(amount.amount_minor), currency=amount.currency)
    sign = MINUS if amount.amount_minor < 0 else ""
    return f"{sign}{unsigned.figures}".replace(" ", "\u00a0")


def who(someone: Someone) -> str:
    """Who did something: the name where it is told, and the party."""
    named = f"{someone.name}, {someone.party}" if someone.name else f"the {someone.party}"
    return f"{named} ({someone.id})" if someone.id else named


def begun(text: str) -> str:
    """A text as the beginning of a line."""
    return text[:1].upper() + text[1:]


def counted(length: int, counting: Counting) -> str:
    """A length as a person says it."""
    return counting.words(length)

"""Letters as the parties read them: templates, words, dates and money in the reader's language.

A letter is written once, in Markdown, of which both parts of the mail are made. Every value that a
template prints is made harmless for Markdown, so that no template can forget it: what a person
wrote can never become a heading, a link or markup. Only `quote` keeps the lines of a text, each of
them marked as quoted.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_time
from babel.numbers import format_currency
from jinja2 import Environment, StrictUndefined, Template, pass_context
from jinja2.runtime import Context
from markdown_it.token import Token
from markupsafe import Markup

from activities.links import Links
from activities.look import SIGNED, Look, is_link
from activities.markup import as_html, as_text, beginning, escape, lead, parsed
from domain.causes import Cause, known
from domain.commands import RefuseReason, Remedy, Verdict
from domain.goods import Condition, ExceptionReason, Goods, Purpose, ReturnReason, Way
from domain.money import Money
from domain.notices import Ending, Facts, Notice, NoticeName
from domain.orders import Person
from domain.parties import Actor, Party
from domain.policy import Redress

FALLBACK = "en"
"""The language of letters to a reader in whose own there are none."""

JOINING = (
    "seller-silent",
    "asked",
    "both-asked",
    "refund-trouble",
    "not-fulfilled",
    "refund-overdue",
    "exception-contested",
    "deduction-contested",
    "finding-contested",
    "goods-missing",
    "duty-overdue",
    "refused-on-arrival",
    "dispatch-unknown",
    "label-refused",
    "withdrawal-unused",
    "redelivery-overdue",
    "redelivery-refused",
    "redelivery-missing",
    "claim-refused-by-port",
    "carrier-does-not-pay",
    "booking-refused",
    "delivery-contested",
    "non-collection-contested",
    "refusal-contested",
    "delivery-unproven",
    "amount-missing",
    "amount-contested",
)
"""Why an agent can join a case: the `reason` of the notice `agent_joins`."""

OUTCOMES = (
    NoticeName.REFUND_CONFIRMED,
    NoticeName.REFUND_DELAYED,
    NoticeName.PAID_BACK_BEFORE,
)
"""What became of a refund: in a letter that tells it, nothing else announces the refund."""


def tells_outcome(notice: Notice) -> bool:
    """Whether it says what became of a refund, or that there is none."""
    return notice.name in OUTCOMES or notice.facts.ending is Ending.NOTHING_OWED


TABLES: Mapping[type[StrEnum], str] = {
    Remedy: "remedy",
    Verdict: "verdict",
    RefuseReason: "refusal",
    Ending: "ending",
    Party: "party",
    Condition: "condition",
    Way: "way",
    Purpose: "purpose",
    ExceptionReason: "exception",
    ReturnReason: "fault",
    Cause: "claim",
}
"""Which table of words.toml translates which of the domain's words."""

# What a person wrote is never fit for a subject: it would reach lock screens and be taken for ours.
NEVER_IN_SUBJECT = {"text", "writer", "reason", "goods", "label", "carrier", "tracking"}

STEERING = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff"
    r"\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""What cannot be seen, but steers a terminal, a header or the direction."""

RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff]")

SECONDS_MATTER_WITHIN = timedelta(hours=1)


@dataclass(frozen=True)
class Named:
    """A reader, a writer or the seller as a template sees them; `address` is for goods."""

    party: Party
    name: str
    address: tuple[str, ...] = ()


@dataclass(frozen=True)
class CaseNamed:
    """A case as a template names it; `reference` is what one looks it up by, `page` where."""

    id: str
    order_id: str
    page: str = ""

    @property
    def reference(self) -> str:
        """What people quote when they speak of the case."""
        return self.id


@dataclass(frozen=True)
class Setting:
    """What every letter of one case shares; `zone` is the name of the case's time zone.

    `redress`: where a consumer can go outside the marketplace, if the country's policy says it.
    """

    case: CaseNamed
    zone: str
    people: Mapping[Party, Person]
    at: datetime
    redress: Redress | None = None


@dataclass(frozen=True)
class Rendered:
    """A letter that is ready to be kept and sent; `name` is the notice that its subject is of."""

    name: NoticeName
    locale: str
    subject: str
    text: str
    html: str


class Safe(str):
    """Text that is Markdown already."""

    __slots__ = ()


class UnknownWordError(LookupError):
    """A word that a language's words.toml does not translate."""


def clean(text: str) -> list[str]:
    """The lines of `text` without characters that steer a terminal, a header or the direction."""
    return [STEERING.sub("", line).replace("\t", " ").strip() for line in text.strip().splitlines()]


def one_line(text: str) -> str:
    """`text` on one line, fit for a header. Spaces that do not break stay as they are."""
    return re.sub(" +", " ", " ".join(clean(text))).strip()


def harmless(text: object) -> str:
    """A value on one line, in which no character means anything to Markdown.

    What is written from right to left is kept from turning what stands beside it.
    """
    line = one_line(str(text))
    return escape(f"\u2068{line}\u2069" if RIGHT_TO_LEFT.search(line) else line)


def finalize(value: object) -> str:
    """What a template prints for `value`."""
    return value if isinstance(value, Safe) else harmless(value)


@pass_context
def quote(context: Context, text: str) -> Safe:
    """A person's text as a block quote, signed by the writer if the notice names a trader (A2).

    An agent signs the letter instead, in its layout.
    """
    lines = [escape(line) for line in clean(text)]
    writer: Named | None = context.get("writer")
    if writer and writer.name and writer.party in (Party.BUYER, Party.SELLER):
        lines += ["", f"— {harmless(who(context, writer))}"]
    return Safe("\n".join(f"> {line}".rstrip() for line in lines))


@pass_context
def who(context: Context, writer: Named) -> str:
    """A writer by name and role; by one of both where the other is unknown, or the reader's own."""
    if writer.name and writer.party is context["reader"].party:
        return writer.name
    role = word(context, writer.party)
    return f"{writer.name}, {role}" if writer.name else role


def code(text: str) -> Safe:
    """A number or code that one copies, unchanged but for the marks that would end it."""
    return Safe(f"`{one_line(text).replace('`', chr(39))}`")


@pass_context
def link(context: Context, text: str) -> Safe:
    """A web address to be followed; anything else is a code."""
    if is_link(str(text)):
        context["links"].add(text)
    return code(text)


@pass_context
def cause(context: Context, reason: str) -> str:
    """Why a buyer claims, in the reader's words; what is not known as a quotation."""
    if meaning := known(reason):
        return word(context, meaning)
    return str(context["words"]["frame"]["quoted"]).format(text=one_line(reason))


@pass_context
def addressed(context: Context, seller: Named) -> Safe:
    """Where a buyer sends goods to, line by line; where one asks for it if it is not known."""
    words = context["words"]["frame"]
    if not seller.address:
        return Safe(harmless(words["no_address"]))
    name = [seller.name] if seller.name and seller.name not in seller.address[0] else []
    lines = [harmless(line) for line in (*name, *seller.address)]
    return Safe("\n".join([f"**{harmless(words['address'])}**", *lines]))


@pass_context
def word(context: Context, value: str, table: str | None = None) -> str:
    """The reader's word for one of the domain's; `table` for a value that is no enum member.

    What is about the reader has a word of its own in the tables `[buyer.…]` and `[seller.…]`.
    """
    key = str(value)
    name = table or TABLES[type(value)]  # type: ignore[index]
    words = context["words"]
    own = words.get(context["reader"].party, {}).get(name, {})
    try:
        return str(own[key] if key in own else words[name][key])
    except KeyError:
        raise UnknownWordError(
            f"Add {key!r} to the table [{name}] of {context['locale']}/words.toml."
        ) from None


@pass_context
def money(context: Context, amount: Money) -> str:
    """An amount as the reader's country writes it, with all the decimals that are in use."""
    locale = region(context["words"]["region"])
    # The English habit of "PLN12.00" is hard to read for the currencies sold in here.
    english = context["locale"] == "en"
    pattern = "¤¤\u00a0#,##0.00" if english else locale.currency_formats["standard"].pattern
    decimals = f".{'0' * amount.decimals}" if amount.decimals else ""
    return format_currency(
        amount.number,
        amount.currency,
        format=pattern.replace(".00", decimals),
        locale=locale,
        currency_digits=False,
    )


@cache
def region(name: str) -> Locale:
    """The habits of a region, like pl_PL. Reading them is dearer than all that a letter says."""
    return Locale.parse(name)


@pass_context
def deadline(context: Context, due: datetime) -> str:
    """Until when, with its preposition, in the case's zone.

    Local midnight is the end of the day before, as a person says it (policy.md). Seconds are
    shown only where they matter: around deadlines that are less than an hour away.
    """
    local = due.astimezone(ZoneInfo(context["zone"]))
    whole_day = local.time() == time()
    on = local.date() - timedelta(days=1) if whole_day else local.date()
    near = local.second and abs(due - context["now"]) < SECONDS_MATTER_WITHIN
    clock = clock_time(context, local, "medium" if near else "short")
    said = dated(context, "until", "day" if whole_day else "moment", on, clock)
    context["deadlines"].add(said)
    return said


@pass_context
def moment(context: Context, at: datetime) -> str:
    """When something happened, to the minute in the case's zone, as it stands after a colon."""
    local = at.astimezone(ZoneInfo(context["zone"]))
    return dated(context, "at", "moment", local.date(), clock_time(context, local, "short"))


@pass_context
def day(context: Context, on: date) -> str:
    """On which day, as it stands after a colon."""
    return dated(context, "at", "day", on)


def clock_time(context: Context, local: datetime, style: Literal["short", "medium"]) -> str:
    """The time of day as the reader's country writes it; "medium" has seconds."""
    return format_time(local.time(), style, locale=region(context["words"]["region"]))


def dated(context: Context, table: str, sentence: str, on: date, clock: str = "") -> str:
    """A sentence of the table [until] or [at], with a date and a time of day put in."""
    words = context["words"]
    return str(words[table][sentence]).format(
        weekday=words[table]["weekdays"][on.weekday()],
        day=on.day,
        month=words["until"]["months"][on.month - 1],
        year=on.year,
        time=clock,
    )


@pass_context
def listed(context: Context, goods: tuple[Goods, ...]) -> Safe:
    """Goods as a bullet list, each with its quantity, and its condition where it is known."""
    # Not the templates' own mark: a list that follows stays a list of its own.
    return Safe(
        "\n".join(
            f"* {each.quantity} × {harmless(each.title)}"
            + (f" ({harmless(word(context, each.condition))})" if each.condition else "")
            for each in goods
        )
    )


FILTERS = {
    each.__name__: each
    for each in (
        quote,
        who,
        code,
        link,
        cause,
        addressed,
        word,
        money,
        deadline,
        moment,
        day,
        listed,
    )
}


def environment(finalize: Callable[[object], str]) -> Environment:
    """Templates whose values are made harmless by `finalize`: none of them is HTML."""
    made = Environment(  # noqa: S701
        undefined=StrictUndefined, finalize=finalize, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= FILTERS
    return made


class NoticeTemplate:
    """One notice in one language: a front matter that holds its subject, and its body.

    Compiled when it is first needed: all of them at once would slow every start.
    """

    def __init__(self, lines: Environment, letters: Environment, path: Path) -> None:
        match = re.fullmatch(
            r"---\nsubject: ([^\n]+)\n---\n(.+)", path.read_text("utf-8"), re.DOTALL
        )
        if match is None:
            raise ValueError(f"Begin {path} with three lines: '---', 'subject: …' and '---'.")
        self._lines, self._letters = lines, letters
        self._subject, self._body = match.groups()

    @cached_property
    def subject(self) -> Template:
        """The one line that stands above the letter."""
        return self._lines.from_string(self._subject)

    @cached_property
    def body(self) -> Template:
        """The letter between greeting and signature, in Markdown."""
        return self._letters.from_string(self._body)


class Templates:
    """Every notice in every language that has a folder, with its layout and words; one that is
    missing raises. `region` of words.toml is whose habits of time and money the language follows.
    """

    def __init__(self, root: Path) -> None:
        lines, letters = environment(lambda value: one_line(str(value))), environment(finalize)
        self.words: dict[str, dict[str, Any]] = {}
        self.layouts: dict[str, tuple[Template, Template]] = {}
        self.notices: dict[tuple[str, NoticeName], NoticeTemplate] = {}
        for folder in sorted(path for path in root.iterdir() if path.is_dir()):
            locale = folder.name
            self.words[locale] = tomllib.loads((folder / "words.toml").read_text("utf-8"))
            layout, footer = (
                letters.from_string((folder / name).read_text("utf-8"))
                for name in ("layout.md", "footer.md")
            )
            self.layouts[locale] = layout, footer
            for name in NoticeName:
                file = folder / f"{name}.md"
                self.notices[locale, name] = NoticeTemplate(lines, letters, file)
            region(self.words[locale]["region"])
        if FALLBACK not in self.words:
            raise FileNotFoundError(root / FALLBACK)
        html = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        self.shell = html.from_string((root / "shell.html").read_text("utf-8"))
        self.button = html.from_string((root / "button.html").read_text("utf-8"))


read = cache(Templates)
"""The templates of a folder, read and compiled once for all workers of this process."""


class Letters:
    """Writes every notice in every language: a template that is missing stops the worker.

    `templates_dir` holds `notices/<locale>/`; `platform` is the marketplace's name.
    """

    def __init__(
        self,
        templates_dir: Path,
        platform: str,
        look: Look | None = None,
        links: Links | None = None,
    ) -> None:
        self._platform = platform
        self._look = look or Look()
        self._links = links
        self._templates = read(templates_dir / "notices")

    def render(self, notice: Notice, setting: Setting) -> Rendered:
        """The letter of one notice; raises as `render_together` does."""
        return self.render_together((notice,), setting)

    def render_together(self, notices: Sequence[Notice], setting: Setting) -> Rendered:
        """The letter of what is told to one reader at once, one after the other, in their language,
        or English where we have none.

        Its subject is of what was told last, which the rest led to; that the case is closed is
        only said beside it. Raises `jinja2.UndefinedError` when a template needs a fact that is
        not set, and `UnknownWordError` for a word without a translation.
        """
        notice = next(
            (each for each in reversed(notices) if each.name is not NoticeName.CLOSED), notices[-1]
        )
        person = setting.people[notice.to]
        locale = person.locale if person.locale in self._templates.words else FALLBACK
        words = self._templates.words[locale]
        facts = facts_of(notice.facts, setting.people)
        mark = self._links.mark(setting.case.id, notice.to) if self._links else SIGNED
        case = replace(setting.case, page=self._look.page(setting.case.id, mark))
        links, deadlines = set[str](), set[str]()
        shared = {
            "alone": len(notices) == 1,
            "outcome": any(map(tells_outcome, notices)),
            "reader": Named(notice.to, person.name),
            "seller": seller_of(setting.people),
            "case": case,
            "zone": setting.zone,
            "platform": self._platform,
            "locale": locale,
            "words": words,
            "now": setting.at,
            "links": links,
            "deadlines": deadlines,
        } | ({"redress": setting.redress} if setting.redress else {})
        template = self._templates.notices[locale, notice.name]
        subject = one_line(
            template.subject.render(
                {name: fact for name, fact in facts.items() if name not in NEVER_IN_SUBJECT},
                **shared,
            )
        )
        # The matter first: a long order number would hide it where only the beginning is shown.
        subject = str(words["subject"]["whole"]).format(
            matter=begun(subject), order=one_line(setting.case.order_id)
        )
        if notice.facts.again:
            subject = str(words["again"]["subject"]).format(subject=subject)
        letter, closing = self._parts(notices, setting, shared)
        leading = lead(letter, deadlines)
        page = str(words["frame"]["page"]).format(url=case.page) if case.page else ""
        button = (
            self._templates.button.render(url=case.page, words=words["frame"], look=self._look)
            if case.page
            else ""
        )
        html = self._templates.shell.render(
            lang=locale,
            subject=subject,
            platform=self._platform,
            look=self._look,
            lead=leading,
            preview=leading or beginning(letter),
            button=Markup(button if leading else ""),  # noqa: S704
            letter=Markup(as_html(letter, links, "" if leading else button)),  # noqa: S704
            footer=Markup(as_html(closing)),  # noqa: S704
        )
        text = f"{as_text(letter, page)}\n\n-- \n{as_text(closing)}\n"
        return Rendered(notice.name, locale, subject, text, html)

    def _parts(
        self, notices: Sequence[Notice], setting: Setting, shared: dict[str, Any]
    ) -> tuple[list[Token], list[Token]]:
        """The blocks of the letter and of its footer."""
        locale, signed = shared["locale"], {}
        bodies: list[str] = []
        for notice in notices:
            template = self._templates.notices[locale, notice.name]
            context = facts_of(notice.facts, setting.people) | shared
            body = template.body.render(context).strip()
            bodies.append(begun(body) if bodies else body)
            writer = context.get("writer")
            if writer and writer.party is Party.AGENT:
                signed = {"writer": writer}
        layout, footer = self._templates.layouts[locale]
        body = Safe("\n\n".join(bodies))
        return parsed(layout.render(shared | signed, body=body)), parsed(footer.render(shared))


def facts_of(facts: Facts, people: Mapping[Party, Person]) -> dict[str, Any]:
    """The facts that are set. A writer without a name is named as the marketplace knows them."""
    known = {name: getattr(facts, name) for name in Facts.model_fields}
    if facts.writer:
        known["writer"] = named(facts.writer, people)
    return {name: fact for name, fact in known.items() if fact is not None and fact not in ("", ())}


def seller_of(people: Mapping[Party, Person]) -> Named:
    """The seller, with the address that goods are sent back to."""
    seller = people[Party.SELLER]
    return Named(Party.SELLER, seller.name, seller.return_address)


def named(actor: Actor, people: Mapping[Party, Person]) -> Named:
    """The person behind a command, by name."""
    person = people.get(actor.party)
    return Named(actor.party, actor.name or (person.name if person else ""))


def begun(body: str) -> str:
    """A body that follows another: it begins as a sentence does, also in languages in which the
    first one goes on from the greeting.
    """
    first = re.match(r"\W*", body)
    at = first.end() if first else 0
    return body[:at] + body[at : at + 1].upper() + body[at + 1 :]

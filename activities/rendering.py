"""Letters as the parties read them: templates, words, dates and money in the reader's language.

Every value that a template prints is made harmless for the form it is printed in, so that no
template can forget it: what a person wrote can never become a heading, a link or markup. Only
`quote` keeps the lines of a text, each of them marked as quoted.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel.dates import format_time
from babel.numbers import format_currency, get_currency_precision
from jinja2 import Environment, StrictUndefined, Template, pass_context
from jinja2.runtime import Context
from markdown_it import MarkdownIt
from markupsafe import Markup

from domain.commands import RefuseReason, Remedy, Verdict
from domain.goods import Condition, ExceptionReason, Goods, Purpose, ReturnReason, Way
from domain.money import Money
from domain.notices import Ending, Facts, Notice, NoticeName
from domain.orders import Person
from domain.parties import Actor, Party

LOCALES = {
    "pl": "pl_PL",
    "cs": "cs_CZ",
    "sk": "sk_SK",
    "hu": "hu_HU",
    "sl": "sl_SI",
    "en": "en_GB",
}
"""The languages that letters are written in, with the region whose habits they follow."""

FALLBACK = "en"

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
    "amount-missing",
    "amount-contested",
)
"""Why an agent can join a case: the `reason` of the notice `agent_joins`."""

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
}
"""Which table of words.toml translates which of the domain's words."""

# What a person wrote is never fit for a subject: it would reach lock screens and be taken for ours.
NEVER_IN_SUBJECT = {"text", "writer", "reason", "goods", "label", "carrier", "tracking"}

STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

SECONDS_MATTER_WITHIN = timedelta(hours=1)

# Inline, because many mail clients drop a letter's style sheet.
STYLES = {
    "p": "margin:0 0 16px",
    "ul": "margin:0 0 16px;padding:0 0 0 20px",
    "li": "margin:0 0 4px",
    "blockquote": (
        "margin:0 0 16px;padding:12px 16px 1px;border-left:4px solid #b9c6d8;"
        "background:#f4f6f9;color:#33404f;border-radius:0 6px 6px 0;overflow-wrap:anywhere"
    ),
    "strong": "color:#12263f",
    "code": "font-family:ui-monospace,Consolas,monospace;font-size:14px;overflow-wrap:anywhere",
}


class Form(StrEnum):
    """The two parts of a letter. Plain text is the Markdown itself."""

    TEXT = "text"
    HTML = "html"


@dataclass(frozen=True)
class Named:
    """A reader or a writer as a template sees them."""

    party: Party
    name: str


@dataclass(frozen=True)
class CaseNamed:
    """A case as a template names it; `reference` is what one looks it up by."""

    id: str
    order_id: str

    @property
    def reference(self) -> str:
        """What people quote when they speak of the case."""
        return self.id


@dataclass(frozen=True)
class Setting:
    """What every letter of one case shares; `zone` is the name of the case's time zone."""

    case: CaseNamed
    zone: str
    people: Mapping[Party, Person]
    at: datetime


@dataclass(frozen=True)
class Rendered:
    """A letter that is ready to be kept and sent; `name` is the notice that its subject is of."""

    name: NoticeName
    locale: str
    subject: str
    text: str
    html: str


class Safe(str):
    """Text that is already harmless in the form being rendered."""

    __slots__ = ()


class UnknownWordError(LookupError):
    """A word that a language's words.toml does not translate."""


def clean(text: str) -> list[str]:
    """The lines of `text` without characters that steer a terminal, a header or the direction."""
    return [STEERING.sub("", line).replace("\t", " ").strip() for line in text.strip().splitlines()]


def one_line(text: str) -> str:
    """`text` on one line, fit for a header. Spaces that do not break stay as they are."""
    return re.sub(" +", " ", " ".join(clean(text))).strip()


def escape(line: str, form: Form) -> str:
    """One line in which no character means anything to Markdown; plain text needs nothing."""
    return line if form is Form.TEXT else re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", line)


@pass_context
def finalize(context: Context, value: object) -> str:
    """What a template prints for `value`."""
    return value if isinstance(value, Safe) else escape(one_line(str(value)), context["form"])


@pass_context
def quote(context: Context, text: str) -> Safe:
    """A person's text as a block quote, signed by the writer if the notice names a trader (A2).

    An agent signs the letter instead, in its layout.
    """
    form: Form = context["form"]
    lines = [escape(line, form) for line in clean(text)]
    writer: Named | None = context.get("writer")
    if writer and writer.name and writer.party in (Party.BUYER, Party.SELLER):
        lines += ["", f"— {escape(one_line(who(context, writer)), form)}"]
    return Safe("\n".join(f"> {line}".rstrip() for line in lines))


@pass_context
def who(context: Context, writer: Named) -> str:
    """A writer by name and role; by role alone where the name is not known."""
    role = word(context, writer.party)
    return f"{writer.name}, {role}" if writer.name else role


@pass_context
def code(context: Context, text: str) -> Safe:
    """A code of the marketplace, unchanged but for the marks that would end it."""
    return Safe(f"`{one_line(text).replace('`', chr(39))}`")


@pass_context
def word(context: Context, value: str, table: str | None = None) -> str:
    """The reader's word for one of the domain's; `table` for a value that is no enum member."""
    key = str(value)
    name = table or TABLES[type(value)]  # type: ignore[index]
    try:
        return str(context["words"][name][key])
    except KeyError:
        raise UnknownWordError(
            f"Add {key!r} to the table [{name}] of {context['locale']}/words.toml."
        ) from None


@pass_context
def money(context: Context, amount: Money) -> str:
    """An amount as the reader's country writes it, with all its minor units."""
    digits = get_currency_precision(amount.currency)
    # The English habit of "PLN12.00" is hard to read for the currencies sold in here.
    pattern = "¤¤\u00a0#,##0.00" if context["locale"] == "en" else None
    return format_currency(
        Decimal(amount.amount_minor).scaleb(-digits),
        amount.currency,
        format=pattern,
        locale=LOCALES[context["locale"]],
    )


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
    return dated(context, "until", "day" if whole_day else "moment", on, clock)


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
    return format_time(local.time(), style, locale=LOCALES[context["locale"]])


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
    form: Form = context["form"]
    # Not the templates' own mark: a list that follows stays a list of its own in HTML.
    mark = "-" if form is Form.TEXT else "*"
    return Safe(
        "\n".join(
            f"{mark} {each.quantity} × {escape(one_line(each.title), form)}"
            + (f" ({escape(word(context, each.condition), form)})" if each.condition else "")
            for each in goods
        )
    )


FILTERS = {
    each.__name__: each for each in (quote, who, code, word, money, deadline, moment, day, listed)
}


class NoticeTemplate:
    """One notice in one language: a front matter that holds its subject, and its body.

    Compiled when it is first needed: all of them at once would slow every start.
    """

    def __init__(self, environment: Environment, path: Path) -> None:
        match = re.fullmatch(
            r"---\nsubject: ([^\n]+)\n---\n(.+)", path.read_text("utf-8"), re.DOTALL
        )
        if match is None:
            raise ValueError(f"Begin {path} with three lines: '---', 'subject: …' and '---'.")
        self._environment = environment
        self._subject, self._body = match.groups()

    @cached_property
    def subject(self) -> Template:
        """The one line that stands above the letter."""
        return self._environment.from_string(self._subject)

    @cached_property
    def plain(self) -> Template:
        """The letter between greeting and signature, without the marks of what is bold."""
        return self._environment.from_string(self._body.replace("**", ""))

    @cached_property
    def rich(self) -> Template:
        """The same in Markdown, of which HTML is made."""
        return self._environment.from_string(self._body)


class Letters:
    """Every notice in every language, read once: a template that is missing stops the worker.

    `templates_dir` holds `notices/<locale>/`; `platform` is the marketplace's name.
    """

    def __init__(self, templates_dir: Path, platform: str) -> None:
        self._platform = platform
        root = templates_dir / "notices"
        # Not HTML: `finalize` makes each value harmless for Markdown, which writes the HTML.
        environment = Environment(  # noqa: S701
            undefined=StrictUndefined, finalize=finalize, trim_blocks=True, lstrip_blocks=True
        )
        environment.filters |= FILTERS
        self._words: dict[str, dict[str, Any]] = {}
        self._layouts: dict[str, tuple[Template, Template]] = {}
        self._notices: dict[tuple[str, NoticeName], NoticeTemplate] = {}
        for locale in LOCALES:
            folder = root / locale
            self._words[locale] = tomllib.loads((folder / "words.toml").read_text("utf-8"))
            layout, footer = (
                environment.from_string((folder / name).read_text("utf-8"))
                for name in ("layout.md", "footer.md")
            )
            self._layouts[locale] = layout, footer
            for name in NoticeName:
                self._notices[locale, name] = NoticeTemplate(environment, folder / f"{name}.md")
        self._shell = Environment(autoescape=True, undefined=StrictUndefined).from_string(
            (root / "shell.html").read_text("utf-8")
        )
        self._markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(
            # No letter needs these; without them not even a slip of ours lets a link through.
            ["link", "image", "autolink", "reference", "html_inline", "html_block", "code"]
        )

    def render(self, notices: Sequence[Notice], setting: Setting) -> Rendered:
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
        locale = person.locale if person.locale in LOCALES else FALLBACK
        facts = facts_of(notice.facts, setting.people)
        shared = {
            "alone": len(notices) == 1,
            "reader": Named(notice.to, person.name),
            "case": setting.case,
            "zone": setting.zone,
            "platform": self._platform,
            "locale": locale,
            "words": self._words[locale],
            "now": setting.at,
        }
        template = self._notices[locale, notice.name]
        subject = one_line(
            template.subject.render(
                {name: fact for name, fact in facts.items() if name not in NEVER_IN_SUBJECT},
                **shared,
                form=Form.TEXT,
            )
        )
        if notice.facts.again:
            subject = str(self._words[locale]["again"]["subject"]).format(subject=subject)
        letter, footer = self._parts(notices, setting, shared | {"form": Form.TEXT})
        rich_letter, rich_footer = self._parts(notices, setting, shared | {"form": Form.HTML})
        html = self._shell.render(
            lang=locale,
            subject=subject,
            platform=self._platform,
            letter=Markup(self._html(rich_letter)),  # noqa: S704
            footer=Markup(self._html(rich_footer)),  # noqa: S704
        )
        return Rendered(notice.name, locale, subject, f"{letter}\n\n-- \n{footer}\n", html)

    def _parts(
        self, notices: Sequence[Notice], setting: Setting, shared: dict[str, Any]
    ) -> tuple[str, str]:
        locale, signed = shared["locale"], {}
        bodies: list[str] = []
        for notice in notices:
            template = self._notices[locale, notice.name]
            source = template.plain if shared["form"] is Form.TEXT else template.rich
            context = facts_of(notice.facts, setting.people) | shared
            body = source.render(context).strip()
            bodies.append(begun(body) if bodies else body)
            writer = context.get("writer")
            if writer and writer.party is Party.AGENT:
                signed = {"writer": writer}
        layout, footer = self._layouts[locale]
        body = Safe("\n\n".join(bodies))
        return tidy(layout.render(shared | signed, body=body)), tidy(footer.render(shared))

    def _html(self, source: str) -> str:
        tokens = self._markdown.parse(source)
        for token in (each for block in tokens for each in (block, *(block.children or ()))):
            if token.tag in STYLES and token.nesting >= 0:
                token.attrSet("style", STYLES[token.tag])
        html: str = self._markdown.renderer.render(tokens, self._markdown.options, {})
        return html


def facts_of(facts: Facts, people: Mapping[Party, Person]) -> dict[str, Any]:
    """The facts that are set. A writer without a name is named as the marketplace knows them."""
    known = {name: getattr(facts, name) for name in Facts.model_fields}
    if facts.writer:
        known["writer"] = named(facts.writer, people)
    return {name: fact for name, fact in known.items() if fact is not None and fact not in ("", ())}


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


def tidy(text: str) -> str:
    """`text` without the empty lines that conditions leave behind."""
    return re.sub(r"\n{3,}", "\n\n", text).strip()

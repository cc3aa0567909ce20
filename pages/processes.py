"""`make docs`: a page for each process, drawn from its code and the policy files.

The stages and what leads from one to the next come from the process's AHEAD, its verbs from
PERMITTED, its windows from policies/.
"""

import inspect
from collections.abc import Iterable
from pathlib import Path

from domain.ahead import Branch, Happens, Silent, done_by, silence_of, silent_in_words
from domain.export import schema
from domain.kinds import Kind
from domain.money import Money
from domain.policy import MessageLimits, Terms, Window
from domain.stages import Flow, Stage
from pages.words import in_words
from policies import countries, read_policy
from workflows.kernel.case import Case
from workflows.kernel.judging import Permitted
from workflows.processes import PROCESSES

FOLDER = Path(__file__).parent.parent / "docs" / "processes"

SCHEMA = FOLDER.parent / "export.schema.json"

MADE = "*Made by `make docs` from `workflows/{name}/` and `policies/`; a test holds it.*"

LIMITS = {
    "agent_limit_minor": "the most that one agent may award alone; above it, a second one confirms",
    "automatic_limit_minor": "up to it, a refund is paid at once; above it, the seller orders it",
    "returnless_limit_minor": "goods up to this price need not be sent back",
    "resend_cost_minor": "what sending again costs the buyer, unless the seller names another cost",
    "offers_per_party": "how many offers each side may make",
    "questions_per_party": "how many questions each side may ask",
    "delivery_share": "what comes back of the delivery with a part of an order",
    "uninformed_months": "how much longer a buyer may withdraw who was not told of the right",
    "sole_traders": "whether sole traders have here the rights of consumers",
    "way": "how goods come back, unless the case says otherwise",
    "rounds": "how often goods may come back, or stay unpaid for, and be sent again all the same; "
    "after that, only a last period is left before the seller may withdraw",
    "times_asked": "how often the seller is asked about withdrawing before an agent is",
    "deliver_within_days": "days that the seller has from the order, where no day was agreed",
    "information_holds": "whether the seller's time is held while the buyer owes information",
    "failed_remedies": "after so many failed ones, the buyer may choose a lower price or the end",
    "free_choice_days": "days from delivery in which the buyer chooses among all remedies at once",
    "messages.text_length": "the bytes of a text, in UTF-8",
    "messages.per_day": "how many messages a party may write on a local day",
    "messages.per_case": "how many messages a party may write in the case",
    "messages.attachments": "how many files a message may have",
    "messages.attachment_bytes": "how many bytes a file may have",
    "messages.media_types": "the kinds of files",
}
"""What each rule of a policy means that is no window."""


def pages() -> dict[str, str]:
    """The text of each process's page, by the file's name."""
    return {f"{kind}.md": _page(kind, process) for kind, process in PROCESSES.items()}


def _page(kind: Kind, process: type[Case]) -> str:
    terms = _terms(kind.section)
    about = inspect.getdoc(inspect.getmodule(process)) or ""
    return "\n".join(
        [
            f"# {kind.words.capitalize()}",
            "",
            MADE.format(name=kind.section),
            "",
            about.splitlines()[0],
            "",
            *_more(process),
            f'It runs in {", ".join(terms)}; below, that is "all".',
            "",
            "## Stages",
            "",
            "```mermaid",
            *_diagram(process),
            "```",
            "",
            "## Silence",
            "",
            *_silences(process, terms),
            "",
            "## Windows",
            "",
            *_windows(terms),
            "",
            "## Limits",
            "",
            *_limits(terms),
            "",
            "## Who may send what",
            "",
            *_verbs(process.PERMITTED, process.FLOW),
            "",
        ]
    )


def _more(process: type[Case]) -> Iterable[str]:
    """What a process does that no stage shows: what its class says after its first sentence."""
    for paragraph in (inspect.getdoc(process) or "").split("\n\n")[1:]:
        yield " ".join(paragraph.splitlines())
        yield ""


def _diagram(process: type[Case]) -> Iterable[str]:
    """The stages, and on each arrow what leads along it."""
    yield "stateDiagram-v2"
    yield f"    [*] --> {_node(Stage.OPENING)}"
    for stage in Stage:
        arrows: dict[Stage, list[Branch]] = {}
        for branch in process.AHEAD.get(stage, ()):
            if branch.to is not stage:
                arrows.setdefault(branch.to, []).append(branch)
        for following in sorted(arrows, key=list(Stage).index):
            label = "<br/>".join(_triggers(process, arrows[following]))
            yield f"    {_node(stage)} --> {_node(following)} : {label}"
    yield f"    {_node(Stage.CLOSED)} --> [*]"


def _triggers(process: type[Case], branches: list[Branch]) -> Iterable[str]:
    """What leads along an arrow: who is silent, who sends what, what happens."""
    said: dict[str, dict[str, None]] = {}
    for branch in branches:
        match branch.on:
            case Silent(window=window, party=party):
                silent = silent_in_words(window, (party,))
                said.setdefault(f"{silent}: ", {})[in_words(window)] = None
            case Happens(what=what):
                said.setdefault("", {})[in_words(what)] = None
            case verb:
                who = (branch.by,) if branch.by else process.PERMITTED[verb][0]
                said.setdefault(f"{', '.join(who)}: ", {})[verb.word()] = None
    return [f"{who}{', '.join(what)}" for who, what in said.items()]


def _silences(process: type[Case], terms: dict[str, Terms]) -> Iterable[str]:
    """What each silence does, by who or what it is of: until when, and where it leads."""
    rows: dict[str, dict[tuple[str, str, str], list[str]]] = {}
    for stage in process.AHEAD:
        for on, following in _led_on(process, stage).items():
            if windows := _windows_of(terms, on):
                text = _silence(on, following, windows, of=len(terms))
                to = " or ".join("stays" if one is stage else one for one in following)
                alike = rows.setdefault(silence_of(on.window, on.party), {})
                alike.setdefault((f"`{on.window}`", text, to), []).append(stage)
    for silent, found in rows.items():
        yield f"### If {silent}"
        yield ""
        yield "| about | at stage | for how long, and then | the case is |"
        yield "|---|---|---|---|"
        for (window, text, to), stages in found.items():
            yield f"| {window} | {', '.join(stages)} | {text} | {to} |"
        yield ""
    yield (
        "A letter that does not arrive holds the clock that it asks for, and every silence here is "
        "one of somebody who was told. Agents see to it within "
        f"{_by_country(_lengths(_of_countries(terms, 'undelivered')), of=len(terms))}, then the "
        "lead: `resend-letters` sends it to the address of today, and the clock runs from when it "
        "arrives; `leave-letters` lets the clock run without it."
    )
    yield ""
    yield (
        "A clock that an agent or the platform holds runs again by itself after "
        f"{_by_country(_lengths(_of_countries(terms, 'hold')), of=len(terms))}."
    )


def _led_on(process: type[Case], stage: Stage) -> dict[Silent, list[Stage]]:
    """The silences that lead on from a stage, and where to."""
    leads: dict[Silent, list[Stage]] = {}
    for branch in process.AHEAD[stage]:
        if isinstance(branch.on, Silent):
            leads.setdefault(branch.on, []).append(branch.to)
    return leads


def _windows_of(terms: dict[str, Terms], on: Silent) -> dict[str, Window]:
    """The windows of a silence, in the countries where it does what is meant."""
    windows = _of_countries(terms, on.window)
    return {
        country: window
        for country, window in windows.items()
        if on.when in (None, window.on_silence)
    }


def _silence(on: Silent, to: list[Stage], windows: dict[str, Window], *, of: int) -> str:
    """How long a silence may last, and what it does, by country where they differ."""
    again = ", a second time" if on.key != on.window else ""
    said = {}
    for country, length in _lengths(windows).items():
        means = on.means or done_by(windows[country].on_silence, to)
        said[country] = f"{length}{again}{f': {means}' if means else ''}"
    return _by_country(said, of=of)


def _lengths(windows: dict[str, Window]) -> dict[str, str]:
    return {country: window.counting.words(window.length) for country, window in windows.items()}


def _of_countries(terms: dict[str, Terms], name: str) -> dict[str, Window]:
    """A window by country; none for a name that is not a window."""
    found = {country: getattr(rules, name) for country, rules in terms.items()}
    return {country: window for country, window in found.items() if isinstance(window, Window)}


def _node(stage: Stage) -> str:
    return stage.replace("-", "_")


def _terms(section: str) -> dict[str, Terms]:
    """The process's rules by country, where it runs."""
    found = {country: getattr(read_policy(country), section) for country in countries()}
    return {country: terms for country, terms in found.items() if terms is not None}


def _windows(terms: dict[str, Terms]) -> Iterable[str]:
    yield "| window | how long | starts when | on silence | source |"
    yield "|---|---|---|---|---|"
    for name in type(next(iter(terms.values()))).model_fields:
        if windows := _of_countries(terms, name):
            lengths = {country: _length(window) for country, window in windows.items()}
            rest = " | ".join(
                _by_country(
                    {country: getattr(window, what) for country, window in windows.items()},
                    of=len(terms),
                )
                for what in ("starts", "on_silence", "source")
            )
            how_long = _by_country(lengths, of=len(terms), everywhere="all: ")
            yield f"| `{name}` | {how_long} | {rest} |"


def _limits(terms: dict[str, Terms]) -> Iterable[str]:
    """The rules that are no windows, by country where they differ."""
    yield "| rule | how much | what it means |"
    yield "|---|---|---|"
    said: dict[str, dict[str, str]] = {}
    for country, rules in terms.items():
        for name, value in _rules(rules):
            said.setdefault(name, {})[country] = _in_figures(name, value, country)
    for name, values in sorted(said.items(), key=lambda rule: rule[0].startswith("messages.")):
        how_much = _by_country(values, of=len(terms), everywhere="all: ")
        yield f"| `{name}` | {how_much} | {LIMITS[name]} |"


def _rules(terms: Terms) -> Iterable[tuple[str, object]]:
    """Each rule that is no window, those of messages by their own names."""
    for name, value in terms:
        if isinstance(value, MessageLimits):
            yield from ((f"{name}.{limit}", figure) for limit, figure in value)
        elif name != "process" and not isinstance(value, Window):
            yield name, value


def _in_figures(name: str, value: object, country: str) -> str:
    """A rule's value, as a person reads it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int() if name.endswith("_minor"):
            return Money(amount_minor=value, currency=read_policy(country).currency).figures
        case int():
            return f"{value:,}"
        case tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _by_country(said: dict[str, str], *, of: int, everywhere: str = "") -> str:
    """What all `of` the countries say, said once after `everywhere`; else each saying after the
    countries it is of.
    """
    alike: dict[str, list[str]] = {}
    for country, text in said.items():
        alike.setdefault(text, []).append(country)
    if len(alike) == 1 and len(said) == of:
        return everywhere + next(iter(alike))
    return "<br>".join(f"{', '.join(where)}: {text}" for text, where in alike.items())


def _length(window: Window) -> str:
    reminder = f", reminder after {window.remind_after}" if window.remind_after else ""
    return window.counting.words(window.length) + reminder


def _verbs(permitted: Permitted, flow: Flow) -> Iterable[str]:
    every = {stage for stage in flow if stage is not Stage.OPENING}
    yield "| verb | who | at which stages |"
    yield "|---|---|---|"
    for verb, (who, when) in permitted.items():
        stages = "any" if set(when) == every else ", ".join(when)
        yield f"| `{verb.word()}` | {', '.join(who)} | {stages} |"


def main() -> None:
    """Write the pages, and the JSON Schema of a case that is written out."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
    SCHEMA.write_text(schema())


if __name__ == "__main__":
    main()

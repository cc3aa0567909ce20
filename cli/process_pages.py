"""`make docs`: a page for each process, drawn from its code and the policy files.

The stages come from the process's FLOW, its verbs from PERMITTED, its windows from policies/.
"""

import inspect
from collections.abc import Iterable
from pathlib import Path

from domain.policy import Terms, Window
from domain.stages import Flow, Stage
from policies import countries, read_policy
from workflows import cancellation, dispute, goods_return, inquiry, withdrawal
from workflows.case import Case, Permitted

FOLDER = Path(__file__).parent.parent / "docs" / "processes"

MADE = "*Made by `make docs` from `workflows/{name}.py` and `policies/`; a test holds it.*"

PROCESSES: dict[str, type[Case]] = {
    "dispute": dispute.Dispute,
    "inquiry": inquiry.Inquiry,
    "cancellation": cancellation.Cancellation,
    "withdrawal": withdrawal.Withdrawal,
    "goods_return": goods_return.GoodsReturn,
}
"""Each process, by its section of the policy files, which is also the name of its module."""


def pages() -> dict[str, str]:
    """The text of each process's page, by the file's name."""
    titles = {section: str(_terms(section)[countries()[0]].process) for section in PROCESSES}
    return {
        f"{titles[section]}.md": _page(titles[section], section, process)
        for section, process in PROCESSES.items()
    }


def _page(title: str, section: str, process: type[Case]) -> str:
    about = inspect.getdoc(inspect.getmodule(process)) or ""
    return "\n".join(
        [
            f"# {title.capitalize()}",
            "",
            MADE.format(name=section),
            "",
            about.splitlines()[0],
            "",
            "## Stages",
            "",
            "```mermaid",
            *_diagram(process.FLOW),
            "```",
            "",
            "## Windows",
            "",
            *_windows(_terms(section)),
            "",
            "## Who may send what",
            "",
            *_verbs(process.PERMITTED, process.FLOW),
            "",
        ]
    )


def _diagram(flow: Flow) -> Iterable[str]:
    yield "stateDiagram-v2"
    yield f"    [*] --> {_node(Stage.OPENING)}"
    for stage in Stage:
        for following in sorted(flow.get(stage, ()), key=list(Stage).index):
            yield f"    {_node(stage)} --> {_node(following)}"
    yield f"    {_node(Stage.CLOSED)} --> [*]"


def _node(stage: Stage) -> str:
    return stage.replace("-", "_")


def _terms(section: str) -> dict[str, Terms]:
    """The process's rules by country, where it runs."""
    found = {country: getattr(read_policy(country), section) for country in countries()}
    return {country: terms for country, terms in found.items() if terms is not None}


def _windows(terms: dict[str, Terms]) -> Iterable[str]:
    yield f"| window | {' | '.join(terms)} | starts when | on silence | source |"
    yield f"|---|{'---|' * len(terms)}---|---|---|"
    for name in type(next(iter(terms.values()))).model_fields:
        windows = {country: getattr(rules, name) for country, rules in terms.items()}
        if all(isinstance(window, Window) for window in windows.values()):
            lengths = " | ".join(_length(window) for window in windows.values())
            rest = " | ".join(
                _by_country({country: getattr(window, what) for country, window in windows.items()})
                for what in ("starts", "on_silence", "source")
            )
            yield f"| `{name}` | {lengths} | {rest} |"


def _by_country(said: dict[str, str]) -> str:
    """What all countries say, said once; else each saying after the countries it is of."""
    alike: dict[str, list[str]] = {}
    for country, text in said.items():
        alike.setdefault(text, []).append(country)
    if len(alike) == 1:
        return next(iter(alike))
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
    """Write the pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()

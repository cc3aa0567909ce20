"""`make docs`: a page for each process, drawn from its code and the policy files.

The stages come from the process's FLOW, its verbs from PERMITTED, its windows from policies/.
"""

import inspect
from collections.abc import Iterable
from pathlib import Path

from domain.commands import CommandBase
from domain.parties import Party
from domain.policy import DisputePolicy, InquiryPolicy, Window
from domain.stages import Flow, Stage
from policies import countries, read_policy
from workflows import dispute, dispute_record, inquiry
from workflows.case import Case

FOLDER = Path(__file__).parent.parent / "docs" / "processes"

MADE = "*Made by `make docs` from `workflows/{name}.py` and `policies/`; a test holds it.*"


def pages() -> dict[str, str]:
    """The text of each process's page, by the file's name."""
    return {
        "dispute.md": _page("dispute", dispute.Dispute, _dispute_verbs()),
        "inquiry.md": _page("inquiry", inquiry.Inquiry, _inquiry_verbs()),
    }


def _page(name: str, process: type[Case], verbs: Iterable[str]) -> str:
    about = inspect.getdoc(inspect.getmodule(process)) or ""
    return "\n".join(
        [
            f"# {name.capitalize()}",
            "",
            MADE.format(name=name),
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
            *_windows(name),
            "",
            "## Who may send what",
            "",
            *verbs,
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


def _windows(process: str) -> Iterable[str]:
    policies = {
        country: found
        for country in countries()
        if (found := getattr(read_policy(country), process)) is not None
    }
    yield f"| window | {' | '.join(policies)} | starts when | on silence | source |"
    yield f"|---|{'---|' * len(policies)}---|---|---|"
    first: DisputePolicy | InquiryPolicy = next(iter(policies.values()))
    for name in type(first).model_fields:
        window = getattr(first, name)
        if isinstance(window, Window):
            lengths = (_length(getattr(policy, name)) for policy in policies.values())
            yield (
                f"| `{name}` | {' | '.join(lengths)} | {window.starts} | {window.on_silence} "
                f"| {window.source} |"
            )


def _length(window: Window) -> str:
    reminder = f", reminder after {window.remind_after}" if window.remind_after else ""
    return window.counting.words(window.length) + reminder


def _dispute_verbs() -> Iterable[str]:
    yield "| verb | who | at which stages |"
    yield "|---|---|---|"
    for verb, (who, when) in dispute_record.PERMITTED.items():
        yield _verb(verb, who, ", ".join(when) if set(when) != set(dispute_record.OPEN) else "any")


def _inquiry_verbs() -> Iterable[str]:
    yield "| verb | who | at which stages |"
    yield "|---|---|---|"
    for verb, who in inquiry.PERMITTED.items():
        yield _verb(verb, who, "any")


def _verb(verb: type[CommandBase], who: tuple[Party, ...], when: str) -> str:
    return f"| `{verb.word()}` | {', '.join(who)} | {when} |"


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()

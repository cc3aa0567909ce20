"""The Markdown that letters are written in, as the two parts of a mail: HTML, and plain text
without its marks.

Only what a letter needs is known: paragraphs, lists, quotes, what is bold, codes, and one line
(`***`) that marks where the way to the case stands. No text can make a link of itself: addresses
that were checked are handed in.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from html import escape as to_html
from itertools import takewhile

from markdown_it import MarkdownIt
from markdown_it.token import Token

# Inline, because many mail programs drop a letter's style sheet.
STYLES = {
    "p": "margin:0 0 16px",
    "ul": "margin:0 0 16px;padding:0 0 0 20px",
    "li": "margin:0 0 6px",
    "blockquote": (
        "margin:0 0 16px;padding:12px 16px 1px;border-left:4px solid #c3cddb;"
        "background:#f4f6f9;color:#33404f;border-radius:0 6px 6px 0"
    ),
    "strong": "color:#12263f",
    "code": "font-family:ui-monospace,Consolas,monospace;font-size:15px",
}

FACTS = {
    "ul": "margin:0 0 16px;padding:0;list-style:none;border-top:1px solid #e4e9f0",
    "li": "margin:0;padding:9px 0;border-bottom:1px solid #e4e9f0",
}
"""How a list looks of which each line begins with what it tells, in bold."""

WHOLE = "white-space:nowrap"
"""A number in bold is not broken at its hyphens."""

PARSER = MarkdownIt("zero", {"breaks": True}).enable(
    ["backticks", "blockquote", "emphasis", "escape", "hr", "list", "newline"]
)

BULLET = "• "

PARAGRAPH, LISTED = 1, 3
"""How deep the words of a paragraph stand, and a list's; a quote's are at 2."""


def escape(line: str) -> str:
    """One line in which no character means anything to Markdown."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", line)


def parsed(source: str) -> list[Token]:
    """A letter's blocks. The lists of facts among them have the meta "facts", as do their lines."""
    tokens = PARSER.parse(source)
    lists = [at for at, token in enumerate(tokens) if token.type == "bullet_list_open"]
    for start in lists:
        lines = list(takewhile(lambda token: token.type != "bullet_list_close", tokens[start:]))
        said = [line for line in lines if line.type == "inline"]
        if all(_bold_beginning(line.children or ()) for line in said):
            for line in lines:
                line.meta["facts"] = True
    return tokens


def as_html(tokens: Sequence[Token], links: Collection[str] = (), way: str = "") -> str:
    """HTML; `way`, which is HTML already, stands where `***` does. Codes that are in `links`
    become links.
    """
    return "".join(_html(tokens, links, way))


def _html(tokens: Sequence[Token], links: Collection[str], way: str) -> Iterator[str]:
    for at, token in enumerate(tokens):
        match token.type:
            case "inline":
                yield from _html(token.children or (), links, way)
            case "text":
                yield to_html(token.content)
            case "softbreak" | "hardbreak":
                yield "<br>\n"
            case "hr":
                yield way
            case "code_inline":
                shown = f'<code style="{STYLES["code"]}">{to_html(token.content)}</code>'
                address = to_html(token.content)
                yield f'<a href="{address}">{shown}</a>' if token.content in links else shown
            case _ if token.hidden:
                pass
            case _ if token.nesting < 0:
                yield f"</{token.tag}>\n" if token.block else f"</{token.tag}>"
            case "strong_open":
                number = len(tokens) > at + 1 and not re.search(r"\s|.{41}", tokens[at + 1].content)
                yield f'<strong style="{STYLES["strong"]}{f";{WHOLE}" if number else ""}">'
            case "blockquote_open":
                # Each quote is read in the direction of its own writing.
                yield f'<blockquote dir="auto" style="{STYLES["blockquote"]}">'
            case _:
                facts = token.meta.get("facts") and token.tag in FACTS
                kind = ' class="facts"' if facts else ""
                yield f'<{token.tag}{kind} style="{(FACTS if facts else STYLES)[token.tag]}">'


def as_text(tokens: Sequence[Token], way: str = "") -> str:
    """Plain text: list and quote keep a sign, nothing else does. `way` stands where `***` does."""
    lines: list[str] = []
    marks: list[str] = []
    fresh = True
    for token in tokens:
        match token.type:
            case "blockquote_open" | "list_item_open":
                if token.type == "blockquote_open" and not fresh:
                    _gap(lines, marks)
                    fresh = True
                mark = "" if token.meta.get("facts") else BULLET
                marks.append("> " if token.type == "blockquote_open" else mark)
            case "bullet_list_open" | "paragraph_open" if not (fresh or token.hidden):
                _gap(lines, marks)
                fresh = True
            case "blockquote_close" | "list_item_close":
                marks.pop()
            case "hr" if way:
                _gap(lines, marks)
                lines.append(way)
            case "inline":
                for line in _words(token).split("\n"):
                    lines.append(f"{''.join(marks)}{line}".rstrip())
                    marks = [" " * len(BULLET) if mark == BULLET else mark for mark in marks]
                fresh = False
    return "\n".join(lines)


def _gap(lines: list[str], marks: list[str]) -> None:
    """An empty line, inside a quote marked as one of it."""
    if lines:
        lines.append("".join(mark for mark in marks if mark == "> ").rstrip())


def _words(inline: Token) -> str:
    """The words of a line, and its line breaks."""
    return "".join(
        "\n" if child.type in ("softbreak", "hardbreak") else child.content
        for child in inline.children or ()
    )


def lead(tokens: Sequence[Token], deadlines: Collection[str]) -> str:
    """What a reader is to know first: the sentence that says who does what by when, or else what is
    said boldly. Nothing, if the letter has neither.

    A paragraph that begins with bold words goes before a line of a list, and that before any other
    paragraph.
    """
    bold: list[str] = []
    timed: list[tuple[int, str]] = []
    for token in tokens:
        if token.type != "inline" or token.level not in (PARAGRAPH, LISTED):
            continue
        words, boldly = _words(token).replace("\n", " "), _bold_beginning(token.children or ())
        if token.level == PARAGRAPH and boldly:
            bold.append(boldly)
        if _times(boldly, deadlines):
            rest = "" if boldly.endswith((".", "!", "?")) else words.removeprefix(boldly)
            timed.append((0, boldly + next(iter(_sentences(rest, deadlines)), "")))
        elif _times(words, deadlines):
            said = next(one for one in _sentences(words, deadlines) if _times(one, deadlines))
            timed.append((1, words) if token.level == LISTED else (2, said))
    best = min(timed, key=lambda one: one[0], default=(3, bold[0] if bold else ""))
    first = best[1].rstrip(" :,")
    return first[:1].upper() + first[1:]


def _times(words: str, deadlines: Collection[str]) -> bool:
    return any(deadline in words for deadline in deadlines)


def _sentences(words: str, deadlines: Collection[str]) -> list[str]:
    """The sentences of a paragraph: the dots of a deadline end none."""
    whole = "|".join(map(re.escape, sorted(deadlines, key=len, reverse=True)))
    return [one[0] for one in re.finditer(rf"(?:{whole or '(?!)'}|.)+?(?:[.!?](?= )|$) ?", words)]


def beginning(tokens: Sequence[Token]) -> str:
    """The first paragraph after the greeting, on one line: what a list of mails shows of it."""
    said = [_words(token) for token in tokens if token.type == "inline"]
    return said[1].replace("\n", " ")


def _bold_beginning(children: Sequence[Token]) -> str:
    said: list[str] = []
    begun = False
    for child in children:
        if child.type == "strong_close":
            return "".join(said)
        if child.type == "strong_open":
            begun = True
        elif begun:
            said.append(child.content or " ")
        elif child.content:
            return ""
    return ""

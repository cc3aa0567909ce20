"""The Markdown that letters are written in, as the two parts of a mail: HTML, and plain text
without its marks.

Only what a letter needs is known: paragraphs, lists, quotes, what is bold, codes, and one line
(`***`) that marks where the way to the case stands. No text can make a link of itself: addresses
that were checked are handed in.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from html import escape as to_html

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
    """A letter's blocks."""
    return PARSER.parse(source)


def as_html(tokens: Sequence[Token], links: Collection[str] = (), way: str = "") -> str:
    """HTML; `way`, which is HTML already, stands where `***` does. Codes that are in `links`
    become links.
    """
    return "".join(_html(tokens, links, way))


def _html(tokens: Sequence[Token], links: Collection[str], way: str) -> Iterator[str]:
    for token in tokens:
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
            case _:
                # Each quote is read in the direction of its own writing.
                auto = ' dir="auto"' if token.tag == "blockquote" else ""
                yield f'<{token.tag}{auto} style="{STYLES[token.tag]}">'


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
                marks.append("> " if token.type == "blockquote_open" else BULLET)
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
    """What a reader is to know first: who does what by when, or else what is said boldly.

    It is said by a paragraph that begins with bold words, or by a line of a list. Nothing, if the
    letter has neither.
    """
    bold: list[str] = []
    listed: list[str] = []
    for token in tokens:
        if token.type == "inline" and (said := _bold_beginning(token.children or ())):
            if token.level == PARAGRAPH:
                bold.append(said)
            elif token.level == LISTED:
                listed.append(_words(token))
    timed = (one for one in (*bold, *listed) if any(deadline in one for deadline in deadlines))
    return next(timed, bold[0] if bold else "")


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

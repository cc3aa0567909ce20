"""How a marketplace's letters look, and where they lead: settings, made fit for reading.

A brand's colour is taken as it is where it is an area; where it is read, on a light card or a dark
one, it is moved towards black or white until the contrast is enough (WCAG 2.2, 1.4.3).
"""

import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, urlsplit

COLOUR = "#1d5fbf"
READABLE = 4.5
"""The contrast that text needs at least."""

LIGHT_CARD = "#ffffff"
DARK_CARD = "#1b222c"
WHITE = "#ffffff"
BLACK = "#000000"

CASE_ID = "{case_id}"
LINK = "{link}"
SIGNED = "signed-link"
"""What stands in a letter where a signed link goes when it leaves."""

IN_A_LINK = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{1,2000}")
"""What RFC 3986 lets stand in an address: nothing that could end it, or hide what follows."""


@dataclass(frozen=True)
class Look:
    """`colour` as #rrggbb; `logo` a https address; `case_url` with {case_id}, and {link} where a
    signed link goes (activities/links.py). The last two may be left out: then there is the
    marketplace's name, and no button.
    """

    colour: str = COLOUR
    logo: str = ""
    case_url: str = ""

    def page(self, case_id: str, mark: str = SIGNED) -> str:
        """Where the case is read; nothing if it is not known. `mark` stands where a link goes."""
        page = self.case_url.replace(CASE_ID, quote(case_id, safe=""))
        return page.replace(LINK, mark)

    @cached_property
    def on_colour(self) -> str:
        """White or black, whichever is read better on the colour."""
        return max(WHITE, BLACK, key=lambda ink: contrast(ink, self.colour))

    @cached_property
    def on_light(self) -> str:
        """The colour as it can be read on a light card."""
        return readable(self.colour, LIGHT_CARD, BLACK)

    @cached_property
    def on_dark(self) -> str:
        """The colour as it can be read on a dark card."""
        return readable(self.colour, DARK_CARD, WHITE)

    @cached_property
    def light_tint(self) -> str:
        """A breath of the colour over a light card."""
        return mixed(self.colour, LIGHT_CARD, 0.07)

    @cached_property
    def dark_tint(self) -> str:
        """A breath of the colour over a dark card."""
        return mixed(self.colour, DARK_CARD, 0.16)


def readable(colour: str, ground: str, towards: str) -> str:
    """`colour` moved towards black or white by no more than reading on `ground` needs."""
    steps = (mixed(towards, colour, step / 20) for step in range(21))
    return next(one for one in steps if contrast(one, ground) >= READABLE)


def mixed(colour: str, ground: str, share: float) -> str:
    """`share` of `colour`, 0 to 1, over `ground`."""
    parts = zip(channels(colour), channels(ground), strict=True)
    return "#" + "".join(f"{round(one * share + other * (1 - share)):02x}" for one, other in parts)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """How bright a colour is, 0 to 1 (WCAG 2.2, relative luminance)."""
    linear = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in channels(colour))
    )
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of #rrggbb."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def is_link(text: str, schemes: tuple[str, ...] = ("http", "https")) -> bool:
    """Whether a letter may lead to `text`: a web address that is what it seems to be.

    No name or password before the host, which would look like one.
    """
    if not IN_A_LINK.fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return parts.scheme in schemes and bool(host) and "@" not in parts.netloc


def fit_colour(colour: str) -> str:
    """`colour` in small letters; ValueError if it is none."""
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", colour):
        raise ValueError("must be a colour like #1d5fbf")
    return colour.lower()


def fit_logo(address: str) -> str:
    """The logo's address; ValueError if a mail program could not load it."""
    if address and not is_link(address, ("https",)):
        raise ValueError("must be the https address of a picture, or left out")
    return address


def fit_case_url(address: str) -> str:
    """The address of a case's page; ValueError if no case's id can be put into it."""
    host, slash, path = address.partition("://")[2].partition("/")
    if address and (
        not is_link(address.replace(CASE_ID, "id").replace(LINK, "link"))
        or CASE_ID in host
        or LINK in host
        or CASE_ID not in slash + path
    ):
        raise ValueError(
            "must be a web address with {case_id} after its host, like "
            "https://bazar.example/cases/{case_id}, or left out"
        )
    return address

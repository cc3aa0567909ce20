"""The frame of the letters: is a brand's colour read by everybody, and is a link what it seems?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.look import DARK_CARD, LIGHT_CARD, READABLE, Look, contrast, is_link
from config import ConfigurationError, Settings

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(COLOURS)
def test_is_every_colour_read_where_it_is_used(colour: str) -> None:
    look = Look(colour)
    assert contrast(look.on_colour, colour) >= READABLE
    assert contrast(look.on_light, LIGHT_CARD) >= READABLE
    assert contrast(look.on_dark, DARK_CARD) >= READABLE
    # What is written in the summary.
    assert contrast("#12263f", look.light_tint) >= READABLE
    assert contrast("#f3f6f9", look.dark_tint) >= READABLE


def test_is_a_colour_that_is_read_well_left_as_it_is() -> None:
    assert Look("#1d5fbf").on_light == "#1d5fbf"
    assert Look("#ffd166").on_dark == "#ffd166"
    assert Look("#ffd166").on_colour == "#000000"


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.48), ("#1d5fbf", "#1d5fbf", 1)],
)
def test_is_contrast_counted_as_wcag_counts_it(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize(
    "address",
    [
        "https://labels.example/RET1.pdf",
        "http://127.0.0.1:8080/l?id=1&to=a%20b#print",
        "HTTPS://LABELS.EXAMPLE/1",
        "https://[2001:db8::1]/label",
    ],
)
def test_is_a_web_address_a_link(address: str) -> None:
    assert is_link(address)


NO_LINKS = [
    "",
    "LBL-77/A",
    "javascript:alert(1)",
    "java\nscript:alert(1)",
    "JAVASCRIPT://x.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "ftp://labels.example/1",
    "mailto:a@labels.example",
    "//labels.example/1",
    "https:/labels.example",
    "https://",
    "https:///label",
    "https://?x",
    "https://:443/",
    "https://labels.example:99999/",
    "https://labels.example:port/",
    "https://[::1",
    "https://bazar.example@evil.example/",
    "https://user:word@evil.example/",
    'https://labels.example/" onmouseover="alert(1)',
    "https://labels.example/<b>",
    "https://labels.example/`",
    "https://labels.example/a b",
    "https://labels.example/\nBcc: x",
    "https://labels.example/\u202efdp.exe",
    "https://läbels.example/",
    "https:\\\\labels.example",
    " https://labels.example",
    "https://labels.example/" + "x" * 2_000,
]


@pytest.mark.parametrize("address", NO_LINKS)
def test_is_what_is_no_web_address_never_a_link(address: str) -> None:
    assert not is_link(address)


def test_is_the_id_of_a_case_quoted_in_its_address() -> None:
    look = Look(case_url="https://bazar.example/c/{case_id}?from=mail")
    page = look.page("dispute:PL:a b/c?d#e&f%:1")
    assert page == ("https://bazar.example/c/dispute%3APL%3Aa%20b%2Fc%3Fd%23e%26f%25%3A1?from=mail")
    assert Look().page("dispute:PL:1:1") == ""


@pytest.mark.parametrize(
    "settings",
    [
        {"case_url": ""},
        {"case_url": "https://bazar.example/cases/{case_id}"},
        {"case_url": "http://127.0.0.1:8080/?case={case_id}"},
        {"case_url": "https://bazar.example/#/{case_id}/{case_id}"},
        {"brand_colour": "#FFCC00"},
        {"brand_logo": "https://bazar.example/logo.png?v=2"},
    ],
)
def test_is_a_good_look_taken(settings: dict[str, str]) -> None:
    look = Settings.read(**settings).look
    assert look.colour in ("#1d5fbf", "#ffcc00")
    assert look.case_url == settings.get("case_url", "")
    assert look.logo == settings.get("brand_logo", "")


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("case_url", "https://bazar.example/cases/", "with {case_id} after its host"),
        ("case_url", "https://bazar.example/cases/{id}", "with {case_id} after its host"),
        ("case_url", "https://{case_id}.bazar.example/", "with {case_id} after its host"),
        ("case_url", "https://bazar.example{case_id}", "with {case_id} after its host"),
        ("case_url", "https://bazar.example/{case_id}/{lang}", "with {case_id} after its host"),
        ("case_url", "/cases/{case_id}", "must be a web address"),
        ("case_url", "javascript:{case_id}", "must be a web address"),
        ("case_url", "https://a@evil.example/{case_id}", "must be a web address"),
        ("case_url", 'https://bazar.example/"{case_id}', "must be a web address"),
        ("brand_colour", "blue", "must be a colour like #1d5fbf"),
        ("brand_colour", "#fff", "must be a colour like #1d5fbf"),
        ("brand_colour", "#12345g", "must be a colour like #1d5fbf"),
        ("brand_colour", "#123456;}", "must be a colour like #1d5fbf"),
        ("brand_colour", "#123456\n", "must be a colour like #1d5fbf"),
        ("brand_colour", "", "must be a colour like #1d5fbf"),
        ("brand_logo", "http://bazar.example/logo.png", "must be the https address"),
        ("brand_logo", "logo.png", "must be the https address"),
        ("brand_logo", 'https://bazar.example/"><script>', "must be the https address"),
    ],
)
def test_is_a_wrong_look_refused_in_one_sentence(name: str, given: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Settings.read(**{name: given})
    said = str(raised.value)
    assert said.startswith(f"Set RECOURSE_{name.upper()} rightly: it must be ")
    assert says in said
    assert said.endswith(".")
    assert "\n" not in said

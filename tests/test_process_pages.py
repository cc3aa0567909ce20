"""The pages in docs/processes/ are what the code and the policies say."""

import pytest

from pages.processes import FOLDER, LIMITS, pages


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_page_is_what_the_code_and_the_policies_say(name: str) -> None:
    assert (FOLDER / name).read_text() == pages()[name], "run `make docs`"


def test_every_rule_that_is_explained_stands_on_a_page() -> None:
    told = "\n".join(pages().values())
    assert [rule for rule in LIMITS if f"| `{rule}` |" not in told] == []


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("uncollected-parcel.md", "| `rounds` | all: 2 | how often goods may come back"),
        ("uncollected-parcel.md", "A parcel that comes back again is another round"),
        ("uncollected-parcel.md", "SI, SK: 4.90 EUR"),
        ("uncollected-parcel.md", "| what sending again costs"),
        ("non-delivery.md", "Goods that come after the contract was ended"),
        ("carrier-claim.md", "### If the carrier does not answer"),
        ("cancellation.md", "### If the time runs out"),
    ],
)
def test_a_page_says_in_words_what_a_newcomer_looks_for(page: str, said: str) -> None:
    assert said in pages()[page]
    assert "platform silent" not in pages()[page]

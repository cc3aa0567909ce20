"""The pages in docs/processes/ are what the code and the policies say."""

import pytest

from cli.process_pages import FOLDER, pages


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_page_is_what_the_code_and_the_policies_say(name: str) -> None:
    assert (FOLDER / name).read_text() == pages()[name], "run `make docs`"

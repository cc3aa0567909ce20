"""When mail does not leave, or does not arrive: is nothing lost, and whose silence is it then?"""

import asyncio

from domain.commands import Say, Withdraw
from store.archive import Archive
from tests.life import Life, World


def archived(life: Life) -> list[str]:
    """The texts that the archive has of the case."""
    return [message.text for message in Archive(life.world.engine).messages(life.handle.id)]


async def test_what_is_said_is_archived_at_once_though_the_mail_server_is_down(
    world: World,
) -> None:
    world.mailbox.refuse_next(1000)
    life = await world.dispute()
    await life.seller(Say, text="Which bulb do you use?")
    await life.buyer(Say, text="The small one.")
    said = ["The lamp does not light.", "Which bulb do you use?", "The small one."]
    for _ in range(100):
        if archived(life) == said:
            break
        await asyncio.sleep(0.05)
    assert archived(life) == said
    assert life.mails() == []
    found = Archive(world.engine).search("bulb", case_id=life.handle.id)
    assert [one.message.text for one in found] == said[1:2]
    world.mailbox.refuse_next(0)
    await life.buyer(Withdraw)
    await life.ends()
    assert archived(life) == said

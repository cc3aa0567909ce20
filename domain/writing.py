"""The limits on what a party writes: length, files, messages a day and a case."""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.commands import Attachment
from domain.notices import Message
from domain.parties import Actor, Party
from domain.policy import MessageLimits
from domain.refusals import Code, Refusal


def text_refusal(
    text: str, attachments: tuple[Attachment, ...], limits: MessageLimits
) -> Refusal | None:
    """Why one text and its files cannot be taken; None when they can."""
    if len(text) > limits.text_length:
        return Refusal(
            code=Code.TEXT_TOO_LONG,
            sentence=f"The text has {len(text)} characters; shorten it to {limits.text_length}.",
        )
    if len(attachments) > limits.attachments:
        return Refusal(
            code=Code.TOO_MANY_ATTACHMENTS,
            sentence=f"{len(attachments)} files are attached; attach at most {limits.attachments}.",
        )
    for attachment in attachments:
        if attachment.size > limits.attachment_bytes:
            return Refusal(
                code=Code.ATTACHMENT_REFUSED,
                sentence=f"A file has {attachment.size} bytes; "
                f"attach files of at most {limits.attachment_bytes} bytes.",
            )
        if attachment.media_type not in limits.media_types:
            return Refusal(
                code=Code.ATTACHMENT_REFUSED,
                sentence=f"Files of the type {attachment.media_type} are not taken; "
                f"attach one of {', '.join(limits.media_types)}.",
            )
    return None


def count_refusal(
    by: Party, now: datetime, zone: str, messages: Iterable[Message], limits: MessageLimits
) -> Refusal | None:
    """Why `by` cannot write another message now; a day is a local day of the case's country."""
    local = ZoneInfo(zone)
    written = [message for message in messages if message.by.party is by]
    today = [m for m in written if m.at.astimezone(local).date() == now.astimezone(local).date()]
    if len(written) >= limits.per_case:
        return Refusal(
            code=Code.TOO_MANY_MESSAGES,
            sentence=f"You have written {limits.per_case} messages in this case, "
            "the most it takes; ask for an agent instead.",
        )
    if len(today) >= limits.per_day:
        return Refusal(
            code=Code.TOO_MANY_MESSAGES,
            sentence=f"You have written {limits.per_day} messages today; write again tomorrow.",
        )
    return None


def name_refusal(by: Actor) -> Refusal | None:
    """Whoever writes to a customer signs with a first and last name (A2)."""
    if by.party is Party.AGENT and len(by.name.split()) < 2:
        return Refusal(
            code=Code.NAME_MISSING,
            sentence="Give the agent's first and last name as `by.name`, on the command line "
            'with --as agent:ID:"First Last".',
        )
    return None

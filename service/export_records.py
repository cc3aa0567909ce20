"""Values of the domain as the document of a case has them."""

from collections.abc import Iterable
from typing import TypeVar

from domain.base import Value
from domain.commands import Attachment
from domain.export import AttachmentRecord, Exported

E = TypeVar("E", bound=Exported)


def as_record(record: type[E], value: Value, **more: object) -> E:
    """A value as the document has it: what has the same name, and `more`."""
    same = set(record.model_fields) - set(more)
    return record(**value.model_dump(include=same), **more)


def as_records(record: type[E], values: Iterable[Value]) -> tuple[E, ...]:
    """The same of several."""
    return tuple(as_record(record, value) for value in values)


def file_records(attachments: Iterable[Attachment]) -> tuple[AttachmentRecord, ...]:
    """What is known of files."""
    return tuple(as_record(AttachmentRecord, file, file_name=file.name) for file in attachments)

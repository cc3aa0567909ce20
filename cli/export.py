"""`starter.py export`: a whole case in two files, as data and as a page, for who has a right to it.

It only reads.
"""

import json
import os
import re
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cli.connecting import with_cases
from domain.export import CaseExport
from domain.parties import Audience
from pages.export import make_page
from service.export_document import make_document
from service.exporting import read_case
from service.failures import InputError


def export_case(
    case_id: str, audience: Audience, folder: Path, *, force: bool, as_json: bool
) -> None:
    """Write the case's document and page into the folder, and print where they are."""
    files = _files(folder, case_id, audience)
    _check(files, force)
    known = with_cases(lambda client, engine: read_case(client, engine, case_id))
    document = make_document(known, audience, datetime.now(UTC))
    texts = (document.model_dump_json(indent=2) + "\n", make_page(document))
    _write(dict(zip(files, texts, strict=True)))
    _print(document, files, as_json)


def _files(folder: Path, case_id: str, audience: Audience) -> tuple[Path, Path]:
    """The document's file and the page's: a case's id holds colons, which not all systems take."""
    name = f"{re.sub(r'[^A-Za-z0-9._-]', '_', case_id)}-{audience}"
    return folder / f"{name}.json", folder / f"{name}.html"


def _check(files: Sequence[Path], force: bool) -> None:
    """Refuse before anything is read what could not be written afterwards."""
    folder = files[0].parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise _unwritable(folder, error) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"The folder {str(folder)!r} cannot be written to; choose another.")
    for file in files:
        if not force and os.path.lexists(file):
            raise InputError(f"The file {str(file)!r} exists; give --force to write it anew.")


def _write(texts: dict[Path, str]) -> None:
    """Write both files, or neither. They hold personal data: only their owner can read them."""
    folder = next(iter(texts)).parent
    written: list[str] = []
    try:
        for text in texts.values():
            number, name = tempfile.mkstemp(dir=folder, prefix=".export-")
            written.append(name)
            with open(number, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
        for name, target in zip(written, texts, strict=True):
            os.replace(name, target)
    except OSError as error:
        raise _unwritable(folder, error) from None
    finally:
        for name in written:
            Path(name).unlink(missing_ok=True)


def _unwritable(folder: Path, error: Exception) -> InputError:
    reason = error.strerror if isinstance(error, OSError) else error
    return InputError(f"The folder {str(folder)!r} cannot be written to: {reason}.")


def _print(document: CaseExport, files: Sequence[Path], as_json: bool) -> None:
    if as_json:
        document_file, page_file = map(str, files)
        said = {
            "case_id": document.case.id,
            "for": document.written_for,
            "document": document_file,
            "page": page_file,
            "source": document.source,
            "missing": document.missing,
        }
        print(json.dumps(said, ensure_ascii=False))
        return
    for file in files:
        print(f"Written: {file}")
    for sentence in document.missing:
        print(sentence)

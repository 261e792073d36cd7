"""JSON documents of a known schema, read in one way: what does not fit is said with its file and its place."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from detbench.errors import DataError
from detbench.words import in_words

__all__ = ["decode_document"]

_Document = TypeVar("_Document", bound=msgspec.Struct)


class _Head(msgspec.Struct):
    schema: str = ""


def decode_document(
    data: bytes, kind: type[_Document], *, schema: str, what: str, file: Path, remedy: str
) -> _Document:
    """Return the document in ``data``, which was read from ``file``.

    Parameters
    ----------
    data
        UTF-8 JSON: an object with a field ``schema``.
    kind
        The struct that it is to be.
    schema
        The schema that is read; the document's is looked at first, as fields of another may be anything.
    what
        What it should be, with its article: ``"a run's record"``.
    remedy
        What to do if it is not.

    Raises
    ------
    DataError
        If it is no JSON, of another schema, or does not fit ``kind``.
    """
    try:
        found = msgspec.json.decode(data, type=_Head).schema
        if found and found != schema:
            problem = f"has the schema {found[:60]!r}, and this version reads {schema!r}"
            raise DataError(problem, file=file, remedy=remedy)
        document = msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at ")
        problem = f"is not {what}: {in_words(message)}"
        raise DataError(problem, file=file, record=place.strip("`$."), remedy=remedy) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"is not {what} ({error})", file=file, remedy=remedy) from error
    if not found:
        raise DataError(f"is not {what}: has no schema", file=file, remedy=remedy)
    return document

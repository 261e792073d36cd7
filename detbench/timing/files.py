"""A profile to JSON and back; also what writes any other document of times."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from detbench.documents import decode_document
from detbench.files import read_bytes
from detbench.timing.document import SCHEMA, Profile

if TYPE_CHECKING:
    from detbench.timing.comparison import ProfileComparison
    from detbench.timing.prediction_times import PredictionTimes

__all__ = ["PROFILE", "encoded", "read_profile"]

#: What a profile is called in its folder.
PROFILE = "profile.json"


def encoded(document: Profile | ProfileComparison | PredictionTimes) -> bytes:
    """Return a document as JSON, indented, with a newline at its end."""
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def read_profile(path: Path) -> Profile:
    """Return the profile in a file, or in ``profile.json`` of a folder.

    Raises
    ------
    DataError
        If the file cannot be read or is no profile.
    """
    file = path / PROFILE if path.is_dir() else path
    return decode_document(
        read_bytes(file),
        Profile,
        schema=SCHEMA,
        what="a profile",
        file=file,
        remedy="give what detbench profile -o wrote",
    )

"""The pieces of an ``.npz`` file that is the same bytes for the same arrays, whatever the day and NumPy's version.

Members are stored, not compressed: what is small in the file is small in memory. Heads are written in NumPy's format
1.0 without the room to grow that NumPy leaves in some versions, and what is read is compared with such a head.
"""

from __future__ import annotations

import zipfile

__all__ = ["array_head", "npz_member"]

#: The earliest time a ZIP archive can hold: it says nothing.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_ORDINARY_FILE = 0o644 << 16

#: NumPy's format 1.0: what an array's head starts with, and what its length is a multiple of.
_MAGIC = b"\x93NUMPY\x01\x00"
_ALIGNED = 64


def npz_member(name: str, length_bytes: int) -> zipfile.ZipInfo:
    """Return the entry of a stored member of so many bytes."""
    member = zipfile.ZipInfo(name, _NO_TIME)
    member.create_system, member.external_attr, member.file_size = _UNIX, _ORDINARY_FILE, length_bytes
    return member


def array_head(kind: str, shape: tuple[int, ...]) -> bytes:
    """Return what stands before the values of an array in C order; ``kind`` is NumPy's word: ``<f8``.

    Examples
    --------
    >>> len(array_head("<f4", (3, 4))), array_head("<f4", (3,))[10:66]
    (128, b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }")
    """
    words = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    length = -(-(len(_MAGIC) + 2 + len(words) + 1) // _ALIGNED) * _ALIGNED
    padded = words.ljust(length - len(_MAGIC) - 3) + b"\n"
    return _MAGIC + len(padded).to_bytes(2, "little") + padded

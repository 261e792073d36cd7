"""What can go wrong, said so that a person can act on it.

Every error that a user can cause is a :class:`DetbenchError`; its text is one sentence that names the
file, the record in it and the remedy. The command line prints the text and exits with 2.
"""

from __future__ import annotations

__all__ = ["DataError", "DetbenchError", "UsageError", "is_lack_of_memory"]

#: A longer text loses its middle: a name in a broken file can be a megabyte.
_LONGEST_TEXT = 1000


#: What NumPy, TensorFlow and PyTorch raise where memory is too small; JAX, and PyTorch on a CPU, say it in the message.
_NO_MEMORY = frozenset({"MemoryError", "_ArrayMemoryError", "ResourceExhaustedError", "OutOfMemoryError"})

_NO_MEMORY_SAID = ("RESOURCE_EXHAUSTED", "Out of memory", "not enough memory", "t allocate memory")


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether an error, of any framework, says that there is not enough memory, on a device or in the machine."""
    said = str(error)[:_LONGEST_TEXT]
    return type(error).__name__ in _NO_MEMORY or any(words in said for words in _NO_MEMORY_SAID)


class DetbenchError(Exception):
    """Base of every error that comes from what detbench was given, not from a bug in detbench."""


class UsageError(DetbenchError):
    """An option or an argument that cannot mean anything: an unknown name, two that contradict."""


class DataError(DetbenchError):
    """A file that cannot be read as what it should be.

    Parameters
    ----------
    problem
        What is wrong, as a clause without its final full stop.
    file
        The file (or folder) it is in, as the user named it.
    record
        Where in the file: ``"line 12"``, ``"annotation 991"``, ``"object 3"``; may be empty.
    remedy
        What to do about it, as an imperative clause; may be empty.
    """

    def __init__(self, problem: str, *, file: object = "", record: str = "", remedy: str = "") -> None:
        self.problem = problem
        self.file = str(file)
        self.record = record
        self.remedy = remedy
        where = ", ".join(part for part in (self.file, record) if part)
        text = f"{where}: {problem}" if where else problem
        whole = f"{text}; {remedy}" if remedy else text
        half = _LONGEST_TEXT // 2
        super().__init__(whole if len(whole) <= _LONGEST_TEXT else f"{whole[:half]} … {whole[-half:]}")

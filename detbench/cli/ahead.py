"""Importing what will be needed while something else goes on that needs no Python."""

from __future__ import annotations

import contextlib
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["importing"]


@contextlib.contextmanager
def importing(*modules: str) -> Iterator[None]:
    """Import ``modules`` beside what is done in the block: the native part reads files without Python's lock.

    The block is left when all are imported, for an import that goes on while the interpreter ends fails loudly. Only
    an interrupt waits for nothing: in an import it can leave Python's import lock taken (CPython 3.11).
    """
    threads = [Thread(target=_try, args=(module,), daemon=True) for module in modules]
    for thread in threads:
        thread.start()
    interrupted = False
    try:
        yield
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        for thread in () if interrupted else threads:
            thread.join()


def _try(module: str) -> None:
    # Whoever needs it imports it again, and says what is wrong.
    with contextlib.suppress(Exception):
        import_module(module)

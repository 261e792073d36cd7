"""Who waits for a function is told what it has been asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detbench.operators.contract import Case

__all__ = ["Watch"]


class Watch:
    """Is told what is being asked, and does nothing; the process that grades a file passes it on."""

    def asked(self, case: Case) -> None:
        """Take note that the function is being asked ``case``."""

    def answered(self) -> None:
        """Take note that it has answered."""

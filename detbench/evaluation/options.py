"""What a user may ask for beside scores, checked before anything is read. Importing this imports no NumPy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from detbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Literal

    from detbench.data.predictions import LoadedPredictions
    from detbench.data.tables import Dataset

__all__ = ["MOST_PROPOSALS", "NAMED_COUNTS", "CountOptions", "ProposalOptions", "Reading"]

#: Proposals of an image beyond this many are not looked at.
MOST_PROPOSALS = 2000

#: The numbers of proposals that have metrics of their own, unless a user names others.
NAMED_COUNTS = (100, 300, 1000)


class Reading(NamedTuple):
    """How files are read; see :func:`detbench.evaluate`."""

    format_name: str | None
    predictions_format: str | None
    unknown: Literal["error", "drop"]
    join: Literal["id", "stem"]


class ProposalOptions(NamedTuple):
    """Proposals to score, if any, and the numbers of them that get metrics; none are :data:`NAMED_COUNTS`."""

    proposals: LoadedPredictions | Path | str | None = None
    form: str | None = None
    counts: Sequence[int] = ()

    def checked(self) -> ProposalOptions:
        """Return the options with ascending counts. Raises UsageError if one is not 1 to :data:`MOST_PROPOSALS`."""
        for count in self.counts:
            if not 1 <= count <= MOST_PROPOSALS:
                raise UsageError(f"recall is computed for 1 to {MOST_PROPOSALS:,} proposals an image, not {count:,}")
        return self._replace(counts=sorted(set(self.counts)) or NAMED_COUNTS)


class CountOptions(NamedTuple):
    """Whether to count (None leaves it to the dataset's format), and where the threshold comes from."""

    wanted: bool | None = None
    threshold: float | None = None
    tune_on: Dataset | Path | str | None = None
    tune_predictions: LoadedPredictions | Path | str | None = None

    @property
    def asked(self) -> bool:
        """Return whether counts are wanted whatever the format."""
        return bool(self.wanted) or self.threshold is not None or self.tune_on is not None

    def checked(self) -> CountOptions:
        """Return the options. Raises UsageError if they do not go together."""
        if self.threshold is not None and self.tune_on is not None:
            raise UsageError("--count-threshold gives the threshold and --tune-on has it chosen; say one of them")
        if self.tune_predictions is not None and self.tune_on is None:
            raise UsageError("--tune-predictions are used with --tune-on; say the split that they are of")
        if self.wanted is False and self.asked:
            raise UsageError("--no-count leaves out what --count-threshold and --tune-on are for; say one or the other")
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise UsageError(f"--count-threshold takes a number, not {self.threshold}")
        return self

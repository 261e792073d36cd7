"""From matches to numbers: each module reads :class:`~detbench.evaluation.matching.Matches` and matches nothing."""

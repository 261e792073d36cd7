"""How the shell completes what commands let a user choose from."""

from __future__ import annotations

__all__ = [
    "complete_form",
    "complete_format",
    "complete_implementation",
    "complete_protocol",
    "complete_subject",
]


def complete_protocol(incomplete: str) -> list[str]:
    """Complete ``--protocol``."""
    from detbench.evaluation.protocols import PROTOCOLS

    return [name for name in PROTOCOLS if name.startswith(incomplete)]


def complete_format(incomplete: str) -> list[str]:
    """Complete ``--format``."""
    from detbench.data.formats import FORMAT_NAMES

    return [name for name in FORMAT_NAMES if name.startswith(incomplete)]


def complete_form(incomplete: str) -> list[str]:
    """Complete ``--predictions-format``."""
    from detbench.data.predictions import FORMS

    return [name for name in FORMS if name.startswith(incomplete)]


def complete_subject(incomplete: str) -> list[str]:
    """Complete what ``detbench profile`` profiles."""
    from detbench.operators.profiling.plan import subjects

    return [name for name in subjects() if name.startswith(incomplete)]


def complete_implementation(incomplete: str) -> list[str]:
    """Complete ``--impl``."""
    from detbench.operators.profiling.plan import implementation_names

    return [name for name in implementation_names() if name.startswith(incomplete)]

"""What the numbers were made with: versions and platform, nothing that names a person or a machine."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from detbench.extension import native

__all__ = ["environment"]


def environment(packages: tuple[str, ...] = ("numpy",)) -> dict[str, str]:
    """Return Python's, the platform's and the packages' versions, and whether the native part is there."""
    facts = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "platform": f"{platform.system()} {platform.machine()}",
        "native": "yes" if native() is not None else "no",
    }
    for name in packages:
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = "not installed"
    return facts

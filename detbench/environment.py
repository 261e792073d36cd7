"""What the numbers were made with: versions and platform, nothing that names a person or a machine."""

from __future__ import annotations

import os
import sys

from detbench.extension import native

__all__ = ["environment"]


def environment(packages: tuple[str, ...] = ("numpy",)) -> dict[str, str]:
    """Return Python's, the platform's and the packages' versions, and whether the native part is there."""
    facts = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "platform": _platform(),
        "native": "yes" if native() is not None else "no",
    }
    for name in packages:
        facts[name] = _version(name)
    return facts


def _platform() -> str:
    """Return the system and the processor's kind: ``Linux x86_64``."""
    if hasattr(os, "uname"):  # in a tenth of the time that the platform module takes to import
        facts = os.uname()
        return f"{facts.sysname} {facts.machine}"
    import platform

    return f"{platform.system()} {platform.machine()}"


def _version(package: str) -> str:
    if package in sys.modules and isinstance(found := getattr(sys.modules[package], "__version__", None), str):
        return found
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"

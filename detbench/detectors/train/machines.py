"""Several machines: who they are and which of them this is, in the form that TensorFlow's TF_CONFIG has."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detbench.errors import DataError, UsageError
from detbench.files import read_text

__all__ = ["Machines", "read_machines"]

#: Where a process is told its number, if the list does not say it: ours, and that of a cluster's manager.
_NUMBERS = ("DETBENCH_MACHINE", "SLURM_PROCID")


@dataclass(frozen=True, slots=True)
class Machines:
    """Addresses ``host:port``, the same list in every process, and this process's place in it."""

    addresses: tuple[str, ...]
    process: int

    def as_tf_config(self) -> str:
        """Return what TensorFlow reads from its environment."""
        task = {"type": "worker", "index": self.process}
        return json.dumps({"cluster": {"worker": list(self.addresses)}, "task": task})


def read_machines(said: str) -> Machines:
    """Return the machines of a JSON file, or of the variable TF_CONFIG where ``said`` is ``env``.

    ``{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"index": 0}}``; without a task the number is that
    in DETBENCH_MACHINE or SLURM_PROCID, so that one file serves all machines.

    Raises
    ------
    DataError
        If the text is not such a list.
    UsageError
        If it is not said which machine this is.
    """
    if said == "env":
        text, where = os.environ.get("TF_CONFIG", ""), "TF_CONFIG"
        if not text:
            raise UsageError("--machines env reads the variable TF_CONFIG, which is not set; set it, or name a file")
    else:
        text, where = read_text(Path(said)), said
    try:
        found = json.loads(text)
        addresses = tuple(map(_address, found["cluster"]["worker"]))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            "is no list of machines", file=where, remedy='write {"cluster": {"worker": ["host0:2222", "host1:2222"]}}'
        ) from error
    if set(found["cluster"]) != {"worker"} or not addresses:
        raise DataError("has other than workers", file=where, remedy="only workers are supported; name them all there")
    number = _number(found.get("task"), where)
    if not 0 <= number < len(addresses):
        raise DataError(f"has {len(addresses)} machines, and this should be number {number}", file=where)
    return Machines(addresses, number)


def _address(given: Any) -> str:
    host, _, port = given.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(given)
    return str(given)


def _number(task: Any, where: str) -> int:
    if isinstance(task, dict) and isinstance(task.get("index"), int):
        return int(task["index"])
    for name in _NUMBERS:
        if os.environ.get(name, "").isdecimal():
            return int(os.environ[name])
    raise UsageError(f"{where} does not say which machine this is; give a task with an index, or set {_NUMBERS[0]}=0")

"""Where training runs: one device, several of a machine, or several machines, on the backends that can do it."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from detbench.errors import UsageError

if TYPE_CHECKING:
    from detbench.detectors.train.machines import Machines

__all__ = ["Devices", "open_devices"]

_SAID = re.compile(r"(auto|cpu|gpu)(?::(\d+(?:,\d+)*|all))?")


@dataclass(frozen=True, slots=True)
class Devices:
    """Devices that share a batch.

    ``here`` is how many this process has, ``count`` how many there are over all processes; a batch is divided evenly.
    ``strategy`` is TensorFlow's, ``sharding`` JAX's for the rows of a batch; both None on one device.
    """

    backend: str
    kind: str
    names: tuple[str, ...]
    process: int = 0
    process_count: int = 1
    strategy: Any = None
    sharding: Any = None

    @property
    def here(self) -> int:
        """How many devices this process has."""
        return len(self.names)

    @property
    def count(self) -> int:
        """How many devices there are."""
        return self.here * self.process_count

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Return the block in which a model's variables are made."""
        scope: contextlib.AbstractContextManager[Any] = (
            self.strategy.scope() if self.strategy is not None else contextlib.nullcontext()
        )
        return scope

    def require_divides(self, batch_size: int) -> None:
        """Raise UsageError if a batch cannot be shared evenly."""
        if batch_size % self.count:
            raise UsageError(
                f"a batch of {batch_size} is not shared evenly by {self.count} devices; say another --batch-size"
            )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was said: ``gpu:0,2`` are places among the GPUs, ``cpu:2`` is so many parts of the processor."""

    kind: str
    places: tuple[int, ...] | None


def open_devices(backend: str, said: str = "auto", machines: Machines | None = None) -> Devices:
    """Return the devices, made ready; to be called once in a process, before anything is computed.

    Parameters
    ----------
    backend
        What Keras runs on.
    said
        ``auto`` (a GPU if there is one), ``cpu``, ``gpu``, ``gpu:0,1``, ``gpu:all``, or ``cpu:2`` to take the processor
        for two devices, which shows that several compute what one does.
    machines
        Of a run on several.

    Raises
    ------
    UsageError
        If there are no such devices, or the backend cannot use several.
    """
    wanted = _wanted(said)
    several = wanted.places is not None and len(wanted.places) > 1
    if backend == "torch":
        if several or machines is not None:
            raise UsageError("on torch a run has one device; several are for --backend tensorflow and jax")
        return _open_torch(wanted)
    return _open_tensorflow(wanted, machines) if backend == "tensorflow" else _open_jax(wanted, machines)


def _wanted(said: str) -> _Wanted:
    match = _SAID.fullmatch(said)
    if match is None or (match[2] and match[1] == "auto") or said == "cpu:all":
        raise UsageError(f"--device takes cpu, gpu, gpu:0,1, gpu:all or cpu:2, not {said!r:.60}")
    kind, numbers = match[1], match[2]
    if numbers is None:
        return _Wanted(kind, None if kind == "auto" else (0,))
    if kind == "cpu":
        if not numbers.isdecimal() or not 0 < int(numbers) <= 64:  # noqa: PLR2004  parts of one processor
            raise UsageError(f"--device cpu:2 takes the processor for so many devices, 1 to 64, not {numbers}")
        return _Wanted(kind, tuple(range(int(numbers))))
    if numbers == "all":
        return _Wanted(kind, ())
    places = tuple(map(int, numbers.split(",")))
    if len(set(places)) != len(places):
        raise UsageError(f"--device {said} names a device twice")
    return _Wanted(kind, places)


def _chosen(wanted: _Wanted, gpus: int) -> _Wanted:
    """Return what was wanted with ``auto`` and ``all`` resolved. Raises UsageError."""
    if wanted.kind == "cpu" or (wanted.kind == "auto" and not gpus):
        return _Wanted("cpu", wanted.places or (0,))
    places = tuple(range(gpus)) if wanted.places == () else wanted.places or (0,)
    if not places or max(places) >= gpus:
        what = "no GPU" if not gpus else f"no GPU number {max(places)} (they are counted from 0)"
        raise UsageError(f"the backend finds {what} here; say --device cpu, or install what its GPU support needs")
    return _Wanted("gpu", places)


def _open_torch(wanted: _Wanted) -> Devices:
    import torch

    chosen = _chosen(wanted, torch.cuda.device_count())
    name = "cpu" if chosen.kind == "cpu" else f"cuda:{chosen.places[0] if chosen.places else 0}"
    os.environ["KERAS_TORCH_DEVICE"] = name  # Keras reads it when it is imported
    return Devices("torch", chosen.kind, (name,))


def _open_tensorflow(wanted: _Wanted, machines: Machines | None) -> Devices:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    chosen = _chosen(wanted, len(gpus))
    places = chosen.places or (0,)
    tf.config.set_visible_devices([gpus[place] for place in places] if chosen.kind == "gpu" else [], "GPU")
    for gpu in tf.config.get_visible_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, enable=True)
    if chosen.kind == "cpu" and len(places) > 1:
        processor = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration() for _ in places]
        tf.config.set_logical_device_configuration(processor, parts)
    if machines is not None:
        if len(places) > 1 and chosen.kind == "cpu":
            raise UsageError("with --machines the processor of each is one device; leave the number after cpu: out")
        os.environ["TF_CONFIG"] = machines.as_tf_config()
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    names = tuple(f"{chosen.kind}:{number}" for number in range(len(places)))
    if machines is not None:
        return Devices("tensorflow", chosen.kind, names, machines.process, len(machines.addresses), strategy)
    strategy = tf.distribute.MirroredStrategy([name.upper() for name in names]) if len(names) > 1 else None
    return Devices("tensorflow", chosen.kind, names, strategy=strategy)


def _open_jax(wanted: _Wanted, machines: Machines | None) -> Devices:
    import jax

    setting: Any = jax.config.update
    if wanted.kind == "cpu":
        setting("jax_platforms", "cpu")
        setting("jax_num_cpu_devices", len(wanted.places or (0,)))
    import keras

    if machines is not None:
        keras.distribution.initialize(",".join(machines.addresses), len(machines.addresses), machines.process)
    local = jax.local_devices()
    gpus = len(local) if local[0].platform in {"gpu", "cuda", "rocm"} else 0
    chosen = _chosen(wanted, gpus)
    places = chosen.places or (0,)
    names = tuple(f"{chosen.kind}:{place}" for place in places)
    if machines is not None:
        if len(places) != len(local):
            raise UsageError("with --machines on jax all devices of a machine take part; say --device gpu:all or cpu")
        used = jax.devices()
        process, count = machines.process, len(machines.addresses)
    elif len(places) > 1:
        used, process, count = [local[place] for place in places], 0, 1
    else:
        if chosen.kind == "gpu":
            setting("jax_default_device", local[places[0]])
        return Devices("jax", chosen.kind, names)
    platform = used[0].platform
    mesh = keras.distribution.DeviceMesh((len(used),), ["batch"], [f"{platform}:{one.id}" for one in used])
    distribution = keras.distribution.DataParallel(device_mesh=mesh, auto_shard_dataset=False)
    keras.distribution.set_distribution(distribution)
    spec: Any = jax.sharding.PartitionSpec
    sharding = jax.sharding.NamedSharding(mesh.backend_mesh, spec("batch"))
    return Devices("jax", chosen.kind, names, process, count, sharding=sharding)

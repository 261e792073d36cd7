"""What a pickle says, without unpickling it: an interpreter of the few opcodes that a file of tensors needs.

Python's own unpickler imports and calls what a file names. This one has no import and no call: a global becomes its
name, and the few constructors that PyTorch writes become plain values. Anything else is refused by name.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable
from typing import IO, Any, NamedTuple

__all__ = ["Global", "NotPlain", "Persistent", "TensorView", "read_pickle"]

#: A network of a thousand layers has about 100,000.
_MOST_OPCODES = 5_000_000


class NotPlain(Exception):  # noqa: N818  not an error yet: who calls knows the file
    """A pickle that holds more than tensors and plain values, or is none."""


class Global(NamedTuple):
    """Something of a module, by name: it is never imported."""

    module: str
    name: str


class Persistent(NamedTuple):
    """What a pickle says of something that lies outside it."""

    parts: tuple[Any, ...]


class TensorView(NamedTuple):
    """A tensor: the storage it lies in, where it starts, its shape and its strides, all in elements."""

    storage: Any
    offset: Any
    shape: Any
    stride: Any


_MARK = object()


def read_pickle(file: IO[bytes]) -> tuple[Any, list[Persistent]]:
    """Return what the pickle that starts at the file's position holds, and everything outside it that it names.

    Dictionaries, lists, tuples, texts, bytes and numbers are themselves; tensors are :class:`TensorView`. The file is
    left behind the pickle's end.

    Raises
    ------
    NotPlain
        If it holds anything else, is cut, or is no pickle.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # pickletools warns of odd escapes in texts
            return _run(file)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, AttributeError) as error:
        raise NotPlain(f"its pickle is cut or damaged ({str(error)[:100]})") from error


def _run(file: IO[bytes]) -> tuple[Any, list[Persistent]]:
    machine = _Machine()
    for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        if opcode.name == "STOP":
            return machine.pop(), machine.named
        if count > _MOST_OPCODES:
            raise NotPlain(f"its pickle has more than {_MOST_OPCODES:,} steps")
        machine.step(opcode.name, argument)
    raise NotPlain("its pickle has no end")


class _Machine:
    """The stack and the memory of a pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memory: dict[int, Any] = {}
        self.named: list[Persistent] = []

    def step(self, name: str, argument: Any) -> None:
        if name in _PLAIN:
            self.stack.append(argument)
        elif name in _MADE:
            self.stack.append(_MADE[name]())
        elif name in _STEPS:
            _STEPS[name](self, argument)
        else:
            raise NotPlain(f"its pickle has a step {name}, which no file of tensors needs")

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise ValueError("a mark stands where a value should")
        return value

    def pop_to_mark(self) -> list[Any]:
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:  # below the first there is none: an IndexError
            place -= 1
        values = self.stack[place + 1 :]
        del self.stack[place:]
        return values

    def put(self, place: int) -> None:
        value = self.pop()
        self.memory[place] = value
        self.stack.append(value)

    def take(self, count: int) -> list[Any]:
        return [self.pop() for _ in range(count)][::-1]

    def set_items(self, flat: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise NotPlain("its pickle sets items of something that is no dictionary")
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            if not isinstance(key, (str, int, bytes)):
                raise NotPlain(f"its pickle has a dictionary with a key of type {type(key).__name__}")
            target[key] = value

    def append(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise NotPlain("its pickle appends to something that is no list")
        target.extend(values)

    def reduce(self) -> None:
        function, arguments = self.take(2)
        self.stack.append(_made(function, arguments))

    def build(self) -> None:
        """Leave out the state of a dictionary: PyTorch keeps versions of modules there."""
        self.pop()
        if not isinstance(self.stack[-1], dict):
            raise NotPlain("its pickle gives a state to something that is no dictionary")


def _made(function: Any, arguments: Any) -> Any:
    """Return what calling ``function`` would make, for the functions that files of tensors call."""
    if not isinstance(function, Global) or not isinstance(arguments, tuple):
        raise NotPlain("its pickle calls something that is no function")
    name = f"{function.module}.{function.name}"
    if name == "collections.OrderedDict" and not arguments:
        return {}
    if name == "torch._utils._rebuild_tensor_v2":
        return TensorView(*arguments[:4])
    if name == "torch._utils._rebuild_parameter" and isinstance(arguments[0], TensorView):
        return arguments[0]
    if name == "torch.Size":
        return tuple(*arguments)
    raise NotPlain(f"it holds {name[:100]!r}, which is more than tensors")


def _global(machine: _Machine, argument: Any) -> None:
    module, _, name = argument.partition(" ")
    machine.stack.append(Global(module, name))


def _stack_global(machine: _Machine, _: Any) -> None:
    module, name = machine.take(2)
    if not isinstance(module, str) or not isinstance(name, str):
        raise NotPlain("its pickle names something by no name")
    machine.stack.append(Global(module, name))


def _persistent(machine: _Machine, _: Any) -> None:
    parts = machine.pop()
    if not isinstance(parts, tuple):
        raise NotPlain("its pickle names a storage by no tuple")
    machine.named.append(Persistent(parts))
    machine.stack.append(machine.named[-1])


#: Opcodes that put their argument on the stack.
_PLAIN = frozenset(
    {
        *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
        *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
        *("BINSTRING", "SHORT_BINSTRING"),  # Python 2's
    }
)

#: Opcodes that put on the stack what the function makes.
_MADE: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "MARK": lambda: _MARK,
}

_STEPS: dict[str, Callable[[_Machine, Any], Any]] = {
    "PROTO": lambda machine, _: None,  # noqa: ARG005
    "FRAME": lambda machine, _: None,  # noqa: ARG005
    "POP": lambda machine, _: machine.stack.pop(),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.pop_to_mark())),
    "TUPLE1": lambda machine, _: machine.stack.append(tuple(machine.take(1))),
    "TUPLE2": lambda machine, _: machine.stack.append(tuple(machine.take(2))),
    "TUPLE3": lambda machine, _: machine.stack.append(tuple(machine.take(3))),
    "SETITEM": lambda machine, _: machine.set_items(machine.take(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_to_mark()),
    "APPEND": lambda machine, _: machine.append(machine.take(1)),
    "APPENDS": lambda machine, _: machine.append(machine.pop_to_mark()),
    "BINPUT": lambda machine, place: machine.put(place),
    "LONG_BINPUT": lambda machine, place: machine.put(place),
    "MEMOIZE": lambda machine, _: machine.put(len(machine.memory)),
    "BINGET": lambda machine, place: machine.stack.append(machine.memory[place]),
    "LONG_BINGET": lambda machine, place: machine.stack.append(machine.memory[place]),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "BINPERSID": _persistent,
    "REDUCE": lambda machine, _: machine.reduce(),
    "BUILD": lambda machine, _: machine.build(),
}

"""Jobs done in processes of their own: one that dies takes its job with it and nothing else.

An executor of the standard library gives up all its jobs when one of its processes is killed, for want of memory say,
and its processes outlive a parent that is. These end when the parent's end of their pipe closes.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections import deque
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from detbench.errors import DetbenchError, is_lack_of_memory
from detbench.words import raised

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

__all__ = ["done_in_processes"]

_Job = TypeVar("_Job")

_PATIENCE_S = 5.0


class _Worker(NamedTuple):
    process: SpawnProcess
    number: int


def done_in_processes(
    work: Callable[[_Job], None], jobs: Sequence[_Job], *, workers: int, done: Callable[[int], object]
) -> list[str]:
    """Do every job and return, in their order, why each could not be done: one sentence, empty where it was.

    Parameters
    ----------
    work
        A function of a module, which a new process can import; what it returns is left.
    jobs
        What it is called with, one after another; they are pickled.
    workers
        How many processes, 1 or more.
    done
        Told 1 each time that a job is done, in any order.
    """
    waiting = deque(enumerate(jobs))
    found = [""] * len(jobs)
    team: dict[Connection, _Worker] = {}
    try:
        while waiting or team:
            while waiting and len(team) < workers:
                connection, process = _started(work)
                team[connection] = _Worker(process, _given(connection, waiting))
            ready = wait(list(team))
            for connection in [one for one in team if one in ready]:
                worker = team[connection]
                try:
                    found[worker.number] = connection.recv()
                except (EOFError, OSError):
                    found[worker.number] = _died(worker.process)
                    _dismissed(team, connection)
                done(1)
                if connection in team and waiting:
                    team[connection] = worker._replace(number=_given(connection, waiting))
                elif connection in team:
                    _dismissed(team, connection)
    finally:
        for connection, worker in list(team.items()):
            worker.process.terminate()
            _dismissed(team, connection)
    return found


def _started(work: Callable[[Any], None]) -> tuple[Connection, SpawnProcess]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(work, theirs), daemon=True)
    process.start()
    theirs.close()  # or its end would not be seen
    return ours, process


def _given(connection: Connection, waiting: deque[tuple[int, _Job]]) -> int:
    """Hand over the next job and return its number."""
    number, job = waiting.popleft()
    with contextlib.suppress(OSError):  # it has died already: receiving its answer says so
        connection.send(job)
    return number


def _dismissed(team: dict[Connection, _Worker], connection: Connection) -> None:
    """Let a process end: it does when nobody is at the other end."""
    connection.close()
    process = team.pop(connection).process
    process.join(_PATIENCE_S)
    if process.is_alive():
        process.kill()
        process.join()


def _died(process: SpawnProcess) -> str:
    process.join(_PATIENCE_S)
    code = process.exitcode or 0
    how = f"was ended by {_signal_name(-code)}" if code < 0 else f"ended with the status {code}"
    return f"the process that worked on it {how}, perhaps for lack of memory; try it alone"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _serve(work: Callable[[Any], None], connection: Connection) -> None:
    """Do jobs until nobody sends any: what a process of the team runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends these
    with contextlib.suppress(EOFError, OSError):
        while True:
            connection.send(_outcome(work, connection.recv()))


def _outcome(work: Callable[[Any], None], job: object) -> str:
    try:
        work(job)
    except DetbenchError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  one model's files must not cost the others their places
        return "there is not enough memory" if is_lack_of_memory(error) else raised(error)
    return ""

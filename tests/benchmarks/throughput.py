"""How many tasks that take no time pass through the transport, against mpi4py's own pool of ranks.

    python tests/benchmarks/throughput.py
    python tests/benchmarks/throughput.py --ranks 4 --tasks 20000

Rank 0 hands out null tasks, and all other ranks do nothing with them but answer. In ours, tasks and
results are the messages of a real render, and the schedule decides who gets what; a rank has its
next task before it ends one, as it has when it renders. In mpi4py's, `MPICommExecutor.map` calls a
function that returns its argument, with a chunk size of 1. Both run in the same MPI job, in turn,
and sleep for at most 1 ms where there is nothing to do; the median of the ratios counts. Wanted:
ours is faster. The exit status is 1 where it is not.

Results: <out>/throughput.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where `benchmarks` is

from launchers import LAUNCHERS

from benchmarks.common import Json, default_folder, environment, execute, write_json
from mpirender.backoff import Backoff
from mpirender.events import SendTask, StopWorker, TaskCompleted, WorkerReady
from mpirender.messages import Assign, Stop, TaskDone
from mpirender.model import Result, Task, Tile
from mpirender.partition import Grid, Partition, Split
from mpirender.policy import SelfScheduling
from mpirender.schedule import Schedule
from mpirender.transport.base import Transport

LIMIT_S = 300.0
_NAP = 1e-5, 1e-3  # seconds, first and longest


def ours(transport: Transport, tasks: int) -> float:
    """Pass tasks through the program's own messages and schedule; return the tasks a second."""
    if transport.rank:
        answer(transport)
        return 0.0
    schedule = Schedule(
        Partition(Grid(Tile(0, tasks, 0, 1), 1), Split.ROWS),
        SelfScheduling(),
        ranks=transport.size,
        retries=0,
    )
    began = time.perf_counter()

    def carry_out(event: WorkerReady | TaskCompleted) -> None:
        for order in schedule.handle(event, time.perf_counter()):
            if isinstance(order, SendTask):
                transport.send(order.rank, Assign(order.task, order.attempt))
            elif isinstance(order, StopWorker) and order.rank:
                transport.send(order.rank, Stop())

    for rank in 2 * [*range(1, transport.size)]:
        carry_out(WorkerReady(rank))
    backoff = Backoff(*_NAP)
    while not schedule.is_finished:
        if (arrived := transport.poll()) is None:
            backoff.sleep()
            continue
        backoff.reset()
        source, message = arrived
        assert isinstance(message, TaskDone)
        carry_out(TaskCompleted(message.result))
        carry_out(WorkerReady(source))
    return tasks / (time.perf_counter() - began)


def answer(transport: Transport) -> None:
    """Do nothing with every task but say that it is done."""
    backoff = Backoff(*_NAP)
    while True:
        if (arrived := transport.poll()) is None:
            backoff.sleep()
            continue
        backoff.reset()
        message = arrived[1]
        if isinstance(message, Stop):
            return
        assert isinstance(message, Assign)
        result = Result(message.task, message.attempt, transport.rank, "", 0, 0, 0, 0, 0)
        transport.send(0, TaskDone(result))


def null(task: Task) -> Task:
    """Do nothing."""
    return task


def theirs(tasks: int) -> float:
    """Pass tasks through mpi4py's pool; return the tasks a second."""
    from mpi4py.futures import MPICommExecutor

    work = [Task(number, Tile(number, number + 1, 0, 1)) for number in range(tasks)]
    seconds = 1.0
    with MPICommExecutor() as executor:
        if executor is not None:
            began = time.perf_counter()
            for _ in executor.map(null, work):  # type: ignore[attr-defined]
                pass
            seconds = time.perf_counter() - began
    return tasks / seconds


def rank_main(tasks: int, rounds: int) -> int:
    """Be one rank of the job that measures both; rank 0 prints what it has measured."""
    from mpi4py import MPI

    from mpirender.transport.mpi import MpiTransport

    transport = MpiTransport()
    measured: dict[str, list[float]] = {"mpirender": [], "MPICommExecutor": []}
    for _ in range(rounds):
        MPI.COMM_WORLD.Barrier()
        measured["mpirender"].append(ours(transport, tasks))
        MPI.COMM_WORLD.Barrier()
        measured["MPICommExecutor"].append(theirs(tasks))
    if transport.rank == 0:
        print(json.dumps(measured), flush=True)
    transport.close()
    return 0


def measure(launcher: str, ranks: int, tasks: int, rounds: int) -> dict[str, list[float]]:
    """Start the job and return the tasks a second of each round.

    Raises
    ------
    SystemExit
        If it fails.
    """
    mpi = next(each for each in LAUNCHERS if each.name == launcher)
    program = (str(Path(__file__).resolve()), "--rank", "--tasks", str(tasks))
    command = mpi.command(ranks, "--rounds", str(rounds), program=program)
    outcome = execute(command, timeout=LIMIT_S, env=mpi.env)
    if outcome.status != 0:
        raise SystemExit(f"exit status {outcome.status}:\n{outcome.text[-2000:]}")
    measured: dict[str, list[float]] = json.loads(outcome.text.strip().splitlines()[-1])
    return measured


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit status."""
    options = parse(argv)
    if options.rank:
        return rank_main(options.tasks, options.rounds)
    rows: list[Json] = []
    slower = False
    for ranks in options.ranks:
        measured = measure(options.launcher, ranks, options.tasks, options.rounds)
        ours_, theirs_ = (statistics.median(measured[name]) for name in measured)
        ratios = [a / b for a, b in zip(*measured.values(), strict=True)]
        slower |= statistics.median(ratios) < 1
        print(
            f"{ranks:3} ranks: mpirender {ours_:8.0f} tasks/s, MPICommExecutor {theirs_:8.0f},"
            f" ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
            flush=True,
        )
        rows.append({"ranks": ranks, "tasks": options.tasks, "ratios": [*ratios], **measured})  # type: ignore[dict-item]
    write_json(options.out / "throughput.json", {"environment": environment(), "runs": rows})
    return int(slower)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--ranks", type=int, nargs="+", default=[4, 16])
    add("--tasks", type=int, default=4000, help="a round, %(default)s if not given")
    add("--rounds", type=int, default=5, help="%(default)s if not given")
    add("--launcher", choices=[each.name for each in LAUNCHERS], default="mpich")
    add("--out", type=Path, default=default_folder(), metavar="DIR")
    add("--rank", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())

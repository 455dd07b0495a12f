"""Hosts, slots and launchers: what the machines' own words mean here.

Slurm calls a rank a task; the word is translated in this module and nowhere else in the program.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mpirender.errors import UsageError
from mpirender.model import UNKNOWN_MACHINE, Machine, Seat

__all__ = [
    "Claim",
    "cores_allotted",
    "is_bound",
    "launcher_claim",
    "read_hostfile",
    "seat_of_this_process",
    "this_machine",
    "threads_for",
    "threads_foretold",
]

_LAUNCHERS = (
    # launcher, variable of the rank, variable of the size; the first that is set counts, since
    # mpirun under Slurm starts its daemons with srun and the ranks inherit Slurm's variables
    ("Open MPI's mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("MPICH's mpiexec", "PMI_RANK", "PMI_SIZE"),
    ("srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
)

_NEIGHBOURS = (
    "OMPI_COMM_WORLD_LOCAL_SIZE",
    "MPI_LOCALNRANKS",
    "SLURM_STEP_TASKS_PER_NODE",  # such as 4(x3),2 from the first host on, where rank 0 is
)

_LOCAL_RANKS = ("OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID")

_TRACES = ("PMIX_", "PMI_", "PMI2_", "PALS_", "ALPS_", "FLUX_TASK_", "MPIEXEC_")


@dataclass(frozen=True, slots=True)
class Claim:
    """What the launcher says of this process, before MPI has been asked.

    Attributes
    ----------
    launcher : str
        For people; empty where the process was started without one.
    rank, size : int
        0 and 1 without a launcher.
    launched : bool
        Whether there are signs of a launcher, be it one that does not tell rank and size.
    neighbours : int
        Ranks on this host, itself included; 0 where nothing is said of that.
    """

    launcher: str = ""
    rank: int = 0
    size: int = 1
    launched: bool = False
    neighbours: int = 0


def launcher_claim(environ: Mapping[str, str]) -> Claim:
    """Return what the launcher's variables claim.

    Parameters
    ----------
    environ : mapping of str to str
        Such as ``os.environ``.

    Returns
    -------
    claim : Claim
    """
    told = (re.match(r"\d+", environ.get(name, "")) for name in _NEIGHBOURS)
    near = next((int(found[0]) for found in told if found), 0)
    for launcher, rank, size in _LAUNCHERS:
        if environ.get(rank, "").isdigit() and environ.get(size, "").isdigit():
            return Claim(launcher, int(environ[rank]), int(environ[size]), True, near)
    return Claim(launched=any(name.startswith(_TRACES) for name in environ))


def is_bound() -> bool:
    """Return whether this process may use some of the host's processors only."""
    return len(os.sched_getaffinity(0)) < (os.cpu_count() or 1)


def seat_of_this_process(host: str, environ: Mapping[str, str]) -> Seat:
    """Return where this process sits.

    Slurm need not bind a rank to the processors that it has been given (`TaskPlugin=none`), so
    that their number is taken from Slurm and not from the kernel alone.
    """
    granted = environ.get("SLURM_CPUS_PER_TASK", "")
    cores = frozenset(os.sched_getaffinity(0))
    return Seat(host, cores, int(granted) if granted.isdigit() else None)


def threads_foretold(seat: Seat, environ: Mapping[str, str], allotted: int) -> int:
    """Return how many threads a rank will have, before anything is known of the other ranks.

    Parameters
    ----------
    seat : Seat
    environ : mapping of str to str
    allotted : int
        Cores that all ranks of the host may use, as whoever started this one may.

    See Also
    --------
    threads_for : What it then has.
    """
    here = launcher_claim(environ).neighbours
    index = next((int(environ[n]) for n in _LOCAL_RANKS if environ.get(n, "").isdigit()), 0)
    on_node = environ.get("SLURM_CPUS_ON_NODE", "")
    allotted = min(allotted, int(on_node) if on_node.isdigit() else allotted)
    sharing = max(1, round(here * len(seat.cores) / max(allotted, len(seat.cores))))
    whole, extra = divmod(len(seat.cores), sharing)
    share = whole + (index % sharing < extra)
    return max(1, min(share, seat.granted or share))


def cores_allotted() -> int:
    """Return how many cores whoever started this process may use."""
    try:
        return len(os.sched_getaffinity(os.getppid()))
    except OSError:
        return os.cpu_count() or 1


def this_machine(proc: Path = Path("/proc")) -> Machine:
    """Return what this host is, as far as the kernel says.

    Parameters
    ----------
    proc : Path
        Where the kernel says it.
    """
    try:
        with (proc / "cpuinfo").open() as file:  # of the first processor: the others take a while
            names = (line.partition(":")[2].strip() for line in file if line.startswith("model n"))
            cpu = next(names, "")
        with (proc / "meminfo").open() as file:
            return Machine(cpu, memory=int(file.readline().split()[1]) * 1024)
    except (OSError, IndexError, ValueError):
        return UNKNOWN_MACHINE


def threads_for(seats: Sequence[Seat], *, working: int | None = None) -> list[int]:
    """Share out the cores of every host among its ranks.

    Parameters
    ----------
    seats : sequence of Seat
        One a rank, in the order of the ranks.
    working : int or None
        Of ranks that may use the same cores so many at most share them, the first ones; None for
        all of them.

    Returns
    -------
    threads : list of int
        One a rank, each >= 1. Ranks that may use the same cores get equal parts of them, the
        first ones one more where they do not divide; no rank more than it was granted. Those that
        are `working` share what all would have had, and the others get 0.
    """
    sharing: dict[Seat, list[int]] = defaultdict(list)
    for rank, seat in enumerate(seats):
        sharing[seat].append(rank)
    threads = [1] * len(seats)
    for seat, ranks in sharing.items():
        whole, extra = divmod(len(seat.cores), len(ranks))
        for index, rank in enumerate(ranks):
            share = whole + (index < extra)
            threads[rank] = max(1, min(share, seat.granted or share))
        if working is not None and working < len(ranks):
            most = min(sum(threads[rank] for rank in ranks), len(seat.cores))
            whole, extra = divmod(most, working)
            for index, rank in enumerate(ranks):
                threads[rank] = max(1, whole + (index < extra)) if index < working else 0
    return threads


def read_hostfile(text: str) -> list[tuple[str, int]]:
    """Return the hosts of a hostfile, each with its slots.

    Parameters
    ----------
    text : str
        Lines ``host``, ``host slots=N`` (Open MPI) or ``host:N`` (MPICH); what follows ``#`` is
        passed over, and so are other words behind a host.

    Raises
    ------
    UsageError
        If a line is not understood, or there is no host.
    """
    hosts: list[tuple[str, int]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        host, _, slots = words[0].partition(":")
        given = [word.partition("=")[2] for word in words[1:] if word.startswith("slots=")]
        slots = (given or [slots or "1"])[0]
        if not (host and slots.isdecimal() and int(slots)):
            raise UsageError(
                f"line {number} of the hostfile: got {line.strip()!r}",
                hint="expected such as: node1 slots=4 (Open MPI), node1:4 (MPICH)",
            )
        hosts.append((host, int(slots)))
    if not hosts:
        raise UsageError("no host in the hostfile", hint="a line each, such as: node1 slots=4")
    return hosts

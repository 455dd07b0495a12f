from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpirender.hosts import (
    Claim,
    is_bound,
    launcher_claim,
    seat_of_this_process,
    this_machine,
    threads_for,
    threads_foretold,
)
from mpirender.model import Machine, Seat

EIGHT = frozenset(range(8))


@pytest.mark.parametrize(
    ("environ", "claim"),
    [
        (
            {"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "8"},
            Claim("Open MPI's mpirun", 3, 8, launched=True),
        ),
        (
            {
                "OMPI_COMM_WORLD_RANK": "3",
                "OMPI_COMM_WORLD_SIZE": "8",
                "OMPI_COMM_WORLD_LOCAL_SIZE": "4",
                "SLURM_STEP_TASKS_PER_NODE": "1(x2)",
            },
            Claim("Open MPI's mpirun", 3, 8, launched=True, neighbours=4),
        ),
        (
            {"PMI_RANK": "0", "PMI_SIZE": "2", "MPI_LOCALNRANKS": "2"},
            Claim("MPICH's mpiexec", 0, 2, launched=True, neighbours=2),
        ),
        (
            {
                "SLURM_PROCID": "1",
                "SLURM_STEP_NUM_TASKS": "16",
                "SLURM_STEP_TASKS_PER_NODE": "5(x3),1",
            },
            Claim("srun", 1, 16, launched=True, neighbours=5),
        ),
        ({"PMI_RANK": "0", "PMI_SIZE": "2"}, Claim("MPICH's mpiexec", 0, 2, launched=True)),
        (
            {"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "4"},
            Claim("srun", 1, 4, launched=True),
        ),
        ({"PALS_RANKID": "1"}, Claim(launched=True)),
        ({"PMIX_RANK": "1"}, Claim(launched=True)),
        ({"HOME": "/root"}, Claim()),
        ({"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4"}, Claim()),
        ({"PMI_RANK": "zero", "PMI_SIZE": "2"}, Claim(launched=True)),
        ({"OMPI_COMM_WORLD_RANK": "3"}, Claim()),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_the_launcher_is_told_by_its_variables(environ: dict[str, str], claim: Claim) -> None:
    assert launcher_claim(environ) == claim


def test_mpirun_inside_a_slurm_step_counts_before_slurm() -> None:
    slurm = {"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "2"}
    mpirun = {"OMPI_COMM_WORLD_RANK": "5", "OMPI_COMM_WORLD_SIZE": "8"}
    assert launcher_claim(slurm | mpirun).rank == 5


def test_a_seat_has_the_cores_that_the_kernel_allows() -> None:
    assert seat_of_this_process("here", {}) == Seat("here", frozenset(os.sched_getaffinity(0)))


@pytest.mark.parametrize(("said", "granted"), [("4", 4), ("", None), ("4(x2)", None)])
def test_a_seat_has_what_slurm_grants(said: str, granted: int | None) -> None:
    assert seat_of_this_process("here", {"SLURM_CPUS_PER_TASK": said}).granted == granted


def test_a_machine_is_what_the_kernel_says(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel\t\t: 1\nmodel name\t: A: B 3000\n")
    (tmp_path / "meminfo").write_text("MemTotal:       1024 kB\nMemFree: 1 kB\n")
    assert this_machine(tmp_path) == Machine("A: B 3000", 1 << 20)


def test_a_machine_without_a_name_has_its_memory(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\n")
    (tmp_path / "meminfo").write_text("MemTotal:       1024 kB\n")
    assert this_machine(tmp_path) == Machine("", 1 << 20)


def test_a_machine_of_which_nothing_is_said_is_unknown(tmp_path: Path) -> None:
    assert this_machine(tmp_path) == Machine()


def test_ranks_of_one_host_share_its_cores() -> None:
    assert threads_for([Seat("a", EIGHT), Seat("b", EIGHT), Seat("a", EIGHT)]) == [4, 8, 4]


def test_the_first_ranks_get_one_more_where_cores_do_not_divide() -> None:
    assert threads_for([Seat("a", EIGHT)] * 3) == [3, 3, 2]


def test_a_rank_without_a_core_of_its_own_gets_one_thread() -> None:
    assert threads_for([Seat("a", frozenset({0}))] * 3) == [1, 1, 1]


def test_ranks_bound_to_their_own_cores_keep_them() -> None:
    seats = [Seat("a", frozenset({0, 1})), Seat("a", frozenset({2, 3, 4}))]
    assert threads_for(seats) == [2, 3]


def test_no_rank_gets_more_than_the_batch_system_grants() -> None:
    assert threads_for([Seat("a", EIGHT, 2)] * 2) == [2, 2]
    assert threads_for([Seat("a", EIGHT, 6)] * 2) == [4, 4]


seats = st.builds(
    Seat,
    st.sampled_from("abc"),
    st.sampled_from([EIGHT, frozenset({0, 1, 2})]),
    st.sampled_from([None, 1, 3]),
)


@given(st.lists(seats, max_size=30))
@settings(deadline=None)
def test_every_rank_gets_a_thread_and_no_seat_more_than_its_cores(ranks: list[Seat]) -> None:
    threads = threads_for(ranks)
    assert len(threads) == len(ranks)
    assert all(n >= 1 for n in threads)
    for seat in set(ranks):
        given_out = [n for n, other in zip(threads, ranks, strict=True) if other == seat]
        assert sum(given_out) <= max(len(seat.cores), len(given_out))
        assert max(given_out) - min(given_out) <= 1


def test_of_ranks_that_render_together_the_first_has_all_cores() -> None:
    seats = [Seat("a", frozenset(range(4)))] * 3 + [Seat("b", frozenset(range(2)))]
    assert threads_for(seats, working=1) == [4, 0, 0, 2]


def test_ranks_that_were_granted_less_give_what_they_have() -> None:
    assert threads_for([Seat("a", frozenset(range(8)), 2)] * 3, working=1) == [6, 0, 0]


def test_ranks_bound_to_their_own_cores_cannot_render_together() -> None:
    seats = [Seat("a", frozenset({core})) for core in range(3)]
    assert threads_for(seats, working=1) == [1, 1, 1]


def test_more_ranks_than_cores_have_no_more_threads_than_cores() -> None:
    assert threads_for([Seat("a", frozenset({0, 1}))] * 5, working=1) == [2, 0, 0, 0, 0]


def test_some_of_the_ranks_of_a_host_share_its_cores_and_the_others_rest() -> None:
    seats = [Seat("a", EIGHT)] * 4 + [Seat("b", frozenset({0}))] * 2
    assert threads_for(seats, working=2) == [4, 4, 0, 0, 1, 1]
    assert threads_for([Seat("a", EIGHT)] * 5, working=3) == [3, 3, 2, 0, 0]
    assert threads_for([Seat("a", frozenset({0, 1}))] * 5, working=3) == [1, 1, 1, 0, 0]
    assert threads_for(seats, working=9) == threads_for(seats)


def test_a_process_is_bound_where_the_host_has_more_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: len(os.sched_getaffinity(0)))
    assert not is_bound()
    monkeypatch.setattr(os, "cpu_count", lambda: len(os.sched_getaffinity(0)) + 1)
    assert is_bound()


@pytest.mark.parametrize(
    ("cores", "allotted", "environ", "threads"),
    [
        (8, 8, {}, 8),
        (8, 8, {"MPI_LOCALNRANKS": "4", "MPI_LOCALRANKID": "3"}, 2),
        (8, 8, {"MPI_LOCALNRANKS": "3", "MPI_LOCALRANKID": "1"}, 3),
        (8, 8, {"MPI_LOCALNRANKS": "3", "MPI_LOCALRANKID": "2"}, 2),
        (1, 8, {"OMPI_COMM_WORLD_LOCAL_SIZE": "8", "OMPI_COMM_WORLD_LOCAL_RANK": "5"}, 1),
        (4, 8, {"OMPI_COMM_WORLD_LOCAL_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "1"}, 2),  # socket
        (2, 2, {"MPI_LOCALNRANKS": "5", "MPI_LOCALRANKID": "4"}, 1),
        # Slurm's daemon is not held to the part of the host that the job has
        (4, 8, {"SLURM_STEP_TASKS_PER_NODE": "4", "SLURM_CPUS_ON_NODE": "4"}, 1),
        (8, 8, {"SLURM_STEP_TASKS_PER_NODE": "2", "SLURM_CPUS_PER_TASK": "3"}, 3),
    ],
)
def test_a_rank_foretells_its_threads(
    cores: int, allotted: int, environ: dict[str, str], threads: int
) -> None:
    names = {"PMI_RANK": "0", "PMI_SIZE": "64", **environ}
    seat = Seat("a", frozenset(range(cores)), int(environ.get("SLURM_CPUS_PER_TASK", "0")) or None)
    assert threads_foretold(seat, names, allotted) == threads


@given(st.integers(1, 64), st.integers(1, 32))
def test_what_ranks_of_one_host_foretell_is_what_they_get(cores: int, ranks: int) -> None:
    seat = Seat("a", frozenset(range(cores)))
    foretold = [
        threads_foretold(
            seat,
            {
                **{"PMI_RANK": "0", "PMI_SIZE": "99"},
                **{"MPI_LOCALNRANKS": str(ranks), "MPI_LOCALRANKID": str(index)},
            },
            cores,
        )
        for index in range(ranks)
    ]
    assert foretold == threads_for([seat] * ranks)

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.samples import OUTPUT, PPM, tile

from mpirender.bench import Trial, portion_of, sizes_of, trials_of
from mpirender.cli.bench import parse_arguments
from mpirender.errors import UsageError
from mpirender.flags import BenchFlags
from mpirender.model import Blend, JobFrame
from mpirender.policy import NAMES
from mpirender.renderers.base import SceneInfo


def flags(*argv: str) -> BenchFlags:
    typed = parse_arguments(argv)
    assert typed is not None
    return typed


def info(frames: int, blends: tuple[Blend, ...] = ()) -> SceneInfo:
    numbered = tuple(JobFrame(number, Path(f"/x{number}.ppm")) for number in range(1, frames + 1))
    return SceneInfo(
        *("fake", "1", (), 16, 8, tile(), 8, PPM, OUTPUT), frames=numbered, blends=blends
    )


# ----------------------------------------------------------------------------------- the plan


@pytest.mark.parametrize(
    ("ranks", "sizes"), [(1, (1,)), (2, (1, 2)), (6, (1, 2, 4, 6)), (16, (1, 2, 4, 8, 16))]
)
def test_powers_of_two_and_all_ranks_are_measured(ranks: int, sizes: tuple[int, ...]) -> None:
    assert sizes_of((), ranks) == sizes


def test_sizes_that_are_wanted_come_in_order_and_once() -> None:
    assert sizes_of((3, 1, 3), 4) == (1, 3)


def test_more_ranks_than_there_are_cannot_be_measured() -> None:
    with pytest.raises(UsageError, match="--ranks 8: this run has 4 ranks"):
        sizes_of((2, 8), 4)


@given(
    st.lists(st.integers(1, 99), min_size=1, max_size=6, unique=True),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
    st.integers(1, 5),
    st.integers(),
)
def test_every_size_is_run_in_every_repeat_after_a_warm_up(
    sizes: list[int], policies: list[str], repeats: int, seed: int
) -> None:
    warm_up, *counted = trials_of(sizes, policies, repeats, seed)
    assert warm_up == Trial(max(sizes), policies[0], 0)
    pairs = len(sizes) * len(policies)
    assert [trial.repeat for trial in counted] == sorted([*range(1, repeats + 1)] * pairs)
    assert len(set(counted)) == len(counted) == pairs * repeats


def test_the_order_is_random_and_the_same_for_the_same_seed() -> None:
    orders = {tuple(trials_of((1, 2, 4, 8, 16), ("auto",), 3, seed)) for seed in range(20)}
    assert len(orders) > 10
    assert trials_of((1, 2, 4), ("auto",), 3, 7) == trials_of((1, 2, 4), ("auto",), 3, 7)


# ------------------------------------------------------------------------------- weak scaling


@given(st.integers(1, 500), st.integers(1, 64), st.integers(1, 64))
def test_a_portion_of_the_frames_grows_with_the_ranks_and_is_spread_evenly(
    frames: int, one: int, other: int
) -> None:
    few, many = sorted((one, other))
    whole = info(frames)
    portion = portion_of(whole, few, many)
    numbers = [frame.number for frame in portion.frames]
    assert len(numbers) == max(1, round(frames * few / many))
    assert numbers == sorted(set(numbers)) and set(portion.frames) <= set(whole.frames)
    gaps = [b - a for a, b in itertools.pairwise(numbers)]
    assert not gaps or max(gaps) - min(gaps) <= 1
    assert portion_of(whole, many, many) == whole


def test_frames_that_are_made_of_others_have_no_portions() -> None:
    with pytest.raises(UsageError, match="--motion-blur"):
        portion_of(info(4, (Blend(Path("/x.ppm"), (Path("/x1.ppm"),)),)), 1, 2)


# --------------------------------------------------------------------------- the command line


def test_a_scene_is_enough() -> None:
    typed = flags("scene.pov")
    assert (typed.ranks, typed.repeats, typed.weak, typed.seed) == ((), 3, False, 0)
    assert typed.policies == ("auto",)
    assert typed.out == Path("bench")


def test_several_policies_can_be_named_each_counts_once() -> None:
    assert flags("scene.pov", "--policy", "gss,auto,gss").policies == ("gss", "auto")


def test_options_of_the_bench_and_of_a_render_go_together() -> None:
    typed = flags("s.pov", "+W64", "--ranks", "1,2,4", "--repeats=5", "--weak", "--threads", "2")
    assert (typed.ranks, typed.repeats, typed.weak) == ((1, 2, 4), 5, True)
    assert (typed.render.threads, typed.render.passed_on) == (2, ("+W64",))
    assert flags("s.pov", "--seed", "7", "--out", "a=b").out == Path("a=b")


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ((), "no scene given"),
        (("s.pov", "--ranks", "1,x"), "argument --ranks: got '1,x', expected such as 1,2,4"),
        (("s.pov", "--ranks", "0,1"), "argument --ranks: got '0,1', expected such as 1,2,4"),
        (("s.pov", "--repeats", "0"), "argument --repeats: got '0'"),
        (
            ("s.pov", "--policy", "gss,x"),
            "argument --policy: got 'x', expected one or more of auto",
        ),
        (
            ("s.pov", "--policy", "ss,gss", "--rows-per-task", "9"),
            "--rows-per-task beside --policy gss",
        ),
        (("s.pov", "--out", "a.html"), "argument --out: got 'a.html', expected a folder"),
        (("s.pov", "-o", "a.png"), "--output in a bench"),
        (("s.pov", "--movie", "a.mp4"), "--movie in a bench"),
        (("s.pov", "--sheet", "a.png"), "--sheet in a bench"),
        (("s.pov", "--report", "a.html"), "--report in a bench"),
        (("s.pov", "--dry-run"), "--dry-run in a bench"),
        (("s.pov", "--tune"), "--tune in a bench"),
    ],
)
def test_a_wrong_argument_is_told(argv: tuple[str, ...], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_arguments(argv)
    assert told in caught.value.message


def test_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse_arguments(["--help"]) is None
    printed = capsys.readouterr().out
    assert "mpirun -np N mpirender bench SCENE" in printed
    assert "results.json" in printed

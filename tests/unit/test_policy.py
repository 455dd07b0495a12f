from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpirender import policy as policies_module
from mpirender.policy import (
    NAMES,
    OF_ONE_SIZE,
    AdaptiveWeightedFactoring,
    BackedFactoring,
    Cyclic,
    Factoring,
    Guided,
    Halving,
    History,
    Policy,
    SelfScheduling,
    Static,
    Takeover,
    Trapezoid,
    WholeFrames,
    automatic,
    policy_named,
)

seconds = st.floats(0, 1e6)
counts = st.integers(1, 5000)
histories = st.builds(
    History, st.integers(1, 500), counts, counts, seconds, seconds, speed=st.floats(0, 50)
)
PUBLISHED = [name for name in NAMES if name != "auto"]
policies: st.SearchStrategy[Policy] = st.one_of(
    st.builds(Factoring, st.floats(0, 100)),
    st.builds(AdaptiveWeightedFactoring, st.floats(0, 100)),
    st.builds(policy_named, st.sampled_from(PUBLISHED), blocks=st.integers(1, 9000)),
)


@given(policies, histories, st.data())
@settings(deadline=None)
def test_a_share_is_between_one_block_and_all_that_remain(
    policy: Policy, history: History, data: st.DataObject
) -> None:
    remaining = data.draw(st.integers(1, history.total))
    assert 1 <= policy.next_chunk(remaining, history) <= remaining


@given(policies, histories)
@settings(deadline=None)
def test_sharing_out_comes_to_an_end(policy: Policy, history: History) -> None:
    remaining, steps = history.total, 0
    while remaining > 0:
        remaining -= policy.next_chunk(remaining, history)
        steps += 1
    assert steps <= history.total


@given(histories, st.data())
@settings(deadline=None)
def test_a_round_of_shares_never_takes_more_than_there_is(
    history: History, data: st.DataObject
) -> None:
    blocks = data.draw(st.integers(1, history.total))
    history = replace(history, round_blocks=blocks)
    remaining = blocks
    for _ in range(history.ranks):
        if remaining:
            remaining -= Factoring().next_chunk(remaining, history)
    assert remaining >= 0


def test_a_round_hands_out_half_of_what_is_left() -> None:
    history = History(ranks=5, total=1000, round_blocks=1000)
    assert Factoring().next_chunk(1000, history) == 100
    assert Factoring().next_chunk(600, history) == 100


def test_a_share_never_falls_below_a_sixteenth_of_an_even_one() -> None:
    history = History(ranks=10, total=1600, round_blocks=100)
    assert Factoring().next_chunk(100, history) == 10
    assert Factoring().next_chunk(60, replace(history, round_blocks=60)) == 6  # even shares now


def test_a_share_is_worth_its_setup_once_that_is_known() -> None:
    history = History(2, 100, round_blocks=60, seconds_per_block=0.1, setup_seconds=1.0)
    assert Factoring(worth=2.0).next_chunk(60, history) == 20
    assert Factoring(worth=2.0).next_chunk(30, replace(history, round_blocks=30)) == 15


def test_a_share_is_worth_twice_its_latency() -> None:
    history = History(2, 100, round_blocks=60, seconds_per_block=0.1, latency_seconds=1.0)
    assert Factoring().next_chunk(60, history) == 20


def test_a_picture_that_costs_nothing_but_its_setup_is_shared_out_in_one_round() -> None:
    history = History(2, 100, round_blocks=60, seconds_per_block=1e-6, setup_seconds=1.0)
    assert Factoring().next_chunk(60, history) == 30
    assert Factoring().next_chunk(30, history) == 30


def test_a_single_rank_gets_everything_at_once() -> None:
    assert Factoring().next_chunk(70, History(ranks=1, total=100, round_blocks=100)) == 70


def test_self_scheduling_hands_out_the_same_share_and_then_the_rest() -> None:
    history = History(ranks=3, total=10, round_blocks=10)
    assert [SelfScheduling(4).next_chunk(n, history) for n in (10, 6, 2)] == [4, 4, 2]


def shares_of(policy: Policy, total: int, ranks: int) -> list[int]:
    """All shares of a picture where nothing is learned and no rounds are counted."""
    shares, remaining = [], total
    while remaining:
        shares.append(policy.next_chunk(remaining, History(ranks, total, round_blocks=total)))
        remaining -= shares[-1]
    return shares


def test_guided_shares_are_an_even_part_of_what_is_left() -> None:
    assert shares_of(Guided(), 100, 5) == [
        *(20, 16, 13, 11, 8, 7, 5, 4, 4, 3, 2, 2),
        *(1, 1, 1, 1, 1),
    ]


def test_trapezoid_shares_shrink_by_the_same_step_from_half_an_even_one() -> None:
    shares = shares_of(Trapezoid(), 1000, 4)
    assert shares[0] == 125
    steps = [a - b for a, b in pairwise(shares[:-1])]
    assert set(steps) <= {8, 9}  # (125 - 1) / (16 - 1)
    assert abs(len(shares) - 16) <= 1  # rounded


@given(st.integers(1, 5000), st.integers(1, 500))
def test_trapezoid_shares_never_grow(total: int, ranks: int) -> None:
    shares = shares_of(Trapezoid(), total, ranks)
    assert shares == sorted(shares, reverse=True)


def test_weighted_shares_follow_the_speed_of_the_rank() -> None:
    history = History(ranks=5, total=1000, round_blocks=1000)
    policy = AdaptiveWeightedFactoring()
    shares = [policy.next_chunk(900, replace(history, speed=speed)) for speed in (0.5, 1, 1.5)]
    assert shares == [50, 100, 150]


def test_of_six_blocks_and_four_ranks_two_get_another_one_by_turns() -> None:
    assert shares_of(Cyclic(), 6, 4) == [1, 1, 1, 1, 1, 1]
    assert shares_of(Cyclic(4), 6, 4) == [4, 2]


@pytest.mark.parametrize("policy", [Static(), Halving()])
def test_even_shares_go_round_though_they_are_rounded(policy: Policy) -> None:
    history = History(ranks=4, total=100, round_blocks=100, round_shares=2)
    assert policy.next_chunk(40, history) == 20


def test_halving_hands_out_even_shares_and_then_nothing_is_left() -> None:
    history, remaining, shares = History(ranks=4, total=10, round_blocks=10), 10, []
    while remaining:
        shares.append(Halving().next_chunk(remaining, history))
        remaining -= shares[-1]
    assert shares == [3, 3, 3, 1]


@given(histories)
@settings(deadline=None)
def test_halving_hands_out_everything_in_one_round(history: History) -> None:
    share = Halving().next_chunk(history.round_blocks, history)
    assert share * history.ranks >= history.round_blocks


# --------------------------------------------------------------------------------- takeovers


def end_after(offer: Takeover, part: tuple[int, float]) -> float:
    """When both are done, if the newcomer takes a part."""
    blocks, seconds = part
    newcomer = offer.setup_seconds + seconds + blocks * offer.pretrace_seconds
    return max(newcomer, offer.seconds_left - seconds)


def alike(seconds_left: float, *, setup: float = 0.0, pretrace: float = 0.0) -> Takeover:
    """Return an offer of blocks that take a second each."""
    parts = [(blocks, float(blocks)) for blocks in range(1, int(seconds_left))]
    return Takeover(seconds_left, setup, pretrace, parts)


def taken_of(offer: Takeover) -> int | None:
    """Return how many blocks are taken."""
    part = Halving().part_to_take(offer)
    return None if part is None else offer.parts[part][0]


costs = st.floats(0, 1e4)
parts = st.lists(st.tuples(st.integers(1, 999), costs))
offers = st.builds(Takeover, costs, costs, costs, parts)


@given(offers)
@settings(deadline=None)
def test_no_other_part_would_be_done_sooner(offer: Takeover) -> None:
    taken = Halving().part_to_take(offer)
    if taken is not None:
        best = min(end_after(offer, part) for part in offer.parts)
        assert end_after(offer, offer.parts[taken]) == best


@given(offers)
@settings(deadline=None)
def test_a_part_is_taken_exactly_where_that_is_worth_a_start(offer: Takeover) -> None:
    gain = max((offer.seconds_left - end_after(offer, part) for part in offer.parts), default=-1.0)
    is_worth_it = gain >= max(0.05, 0.25 * offer.setup_seconds)
    assert (Halving().part_to_take(offer) is not None) == is_worth_it


def test_without_a_setup_half_of_what_is_left_is_taken() -> None:
    assert taken_of(alike(10.0)) == 5


def test_the_half_is_one_by_time() -> None:
    dear_at_the_end = [(5, 9.2), (4, 9.0), (3, 8.0), (2, 7.0), (1, 6.0)]
    assert taken_of(Takeover(10.0, 0.0, 0.0, dear_at_the_end)) == 1
    cheap_at_the_end = [(5, 6.0), (4, 3.0), (3, 0.3), (2, 0.2), (1, 0.1)]
    assert taken_of(Takeover(10.0, 0.0, 0.0, cheap_at_the_end)) == 5


def test_a_setup_is_counted_so_that_both_end_together() -> None:
    assert taken_of(alike(10.0, setup=4.0)) == 3  # 4 + 3 = 10 - 3


def test_a_slow_newcomer_takes_less() -> None:
    assert taken_of(replace(alike(10.0), speed=0.25)) == 2  # 2 / 0.25 = 10 - 2


def test_a_pretrace_is_counted_for_every_block() -> None:
    assert taken_of(alike(12.0, pretrace=1.0)) == 4  # 4 * 2 = 12 - 4


@pytest.mark.parametrize("setup", [2.0, 9.0])
def test_nothing_is_taken_where_the_setup_lasts_as_long_as_the_rest(setup: float) -> None:
    assert taken_of(alike(2.0, setup=setup)) is None


@pytest.mark.parametrize("name", sorted(set(PUBLISHED) - {"halving"}))
def test_policies_of_a_queue_leave_running_tasks_alone(name: str) -> None:
    assert not policy_named(name).takes_over
    assert policy_named(name).part_to_take(alike(1e3)) is None


# ------------------------------------------------------------------------------------- names


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_policy_is_found_by_its_name_in_the_literature(name: str) -> None:
    assert policy_named(name).name == name


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_policy_names_its_source(name: str) -> None:
    assert "References" in (type(policy_named(name)).__doc__ or "")


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_explained(name: str) -> None:
    assert f"\n`{name}`" in (policies_module.__doc__ or "")


@pytest.mark.parametrize("name", OF_ONE_SIZE)
def test_the_size_of_a_share_can_be_chosen(name: str) -> None:
    history = History(ranks=2, total=99, round_blocks=99)
    assert policy_named(name, blocks=7).next_chunk(99, history) == 7


def test_only_what_belongs_to_ranks_from_the_start_is_dealt() -> None:
    assert [name for name in PUBLISHED if policy_named(name).deals] == ["static", "cyclic"]


@pytest.mark.parametrize(
    ("streams", "frames", "policy"),
    [
        (True, False, Halving()),
        (False, False, BackedFactoring()),
        (True, True, WholeFrames()),
        (False, True, WholeFrames()),
    ],
)
def test_ours_is_the_one_that_fits_the_job(streams: bool, frames: bool, policy: Policy) -> None:
    assert automatic(streams=streams, frames=frames) == policy


def test_frames_that_take_no_time_at_all_come_many_at_once() -> None:
    known = History(ranks=2, total=40, round_blocks=40, latency_seconds=0.1)
    assert WholeFrames().next_chunk(40, known) == 10
    assert WholeFrames().next_chunk(40, History(ranks=2, total=40, round_blocks=40)) == 1

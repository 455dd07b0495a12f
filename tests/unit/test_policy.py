from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpirender.policy import Factoring, Halving, History, Policy, SelfScheduling, Takeover

seconds = st.floats(0, 1e6)
counts = st.integers(1, 5000)
histories = st.builds(History, st.integers(1, 500), counts, counts, seconds, seconds)
policies: st.SearchStrategy[Policy] = st.one_of(
    st.builds(Factoring, st.floats(0, 100)),
    st.builds(SelfScheduling, st.integers(1, 9000)),
    st.just(Halving()),
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


def end_after(offer: Takeover, blocks: int) -> float:
    """When both are done, if the newcomer takes so many blocks."""
    newcomer = offer.setup_seconds + blocks * (offer.seconds_per_block + offer.pretrace_seconds)
    return max(newcomer, offer.seconds_left - blocks * offer.seconds_per_block)


costs = st.floats(0, 1e4)
offers = st.builds(Takeover, costs, costs, costs, costs, st.lists(st.integers(1, 999)))


@given(offers)
@settings(deadline=None)
def test_no_other_part_would_be_done_sooner(offer: Takeover) -> None:
    taken = Halving().part_to_take(offer)
    if taken is not None:
        best = min(end_after(offer, blocks) for blocks in offer.parts)
        assert end_after(offer, offer.parts[taken]) == best


@given(offers)
@settings(deadline=None)
def test_a_part_is_taken_exactly_where_that_is_worth_a_start(offer: Takeover) -> None:
    gain = max((offer.seconds_left - end_after(offer, n) for n in offer.parts), default=-1.0)
    is_worth_it = gain >= max(0.05, 0.25 * offer.setup_seconds)
    assert (Halving().part_to_take(offer) is not None) == is_worth_it


def test_without_a_setup_half_of_what_is_left_is_taken() -> None:
    offer = Takeover(10.0, 1.0, setup_seconds=0, pretrace_seconds=0, parts=range(1, 10))
    assert offer.parts[Halving().part_to_take(offer) or 0] == 5


def test_a_setup_is_counted_so_that_both_end_together() -> None:
    offer = Takeover(10.0, 1.0, setup_seconds=4, pretrace_seconds=0, parts=range(1, 10))
    assert offer.parts[Halving().part_to_take(offer) or 0] == 3  # 4 + 3 = 10 - 3


def test_a_pretrace_is_counted_for_every_block() -> None:
    offer = Takeover(12.0, 1.0, setup_seconds=0, pretrace_seconds=1, parts=range(1, 12))
    assert offer.parts[Halving().part_to_take(offer) or 0] == 4  # 4 * 2 = 12 - 4


@pytest.mark.parametrize("setup", [2.0, 9.0])
def test_nothing_is_taken_where_the_setup_lasts_as_long_as_the_rest(setup: float) -> None:
    offer = Takeover(2.0, 1.0, setup_seconds=setup, pretrace_seconds=0, parts=(1,))
    assert Halving().part_to_take(offer) is None


@pytest.mark.parametrize("policy", [Factoring(), SelfScheduling(3)])
def test_policies_of_a_queue_leave_running_tasks_alone(policy: Policy) -> None:
    offer = Takeover(1e3, 1.0, setup_seconds=0, pretrace_seconds=0, parts=range(1, 900))
    assert not policy.takes_over
    assert policy.part_to_take(offer) is None


@pytest.mark.parametrize(
    ("policy", "name"), [(Factoring(), "fac"), (SelfScheduling(1), "ss"), (Halving(), "halving")]
)
def test_a_policy_has_its_name_in_the_literature(policy: Policy, name: str) -> None:
    assert policy.name == name

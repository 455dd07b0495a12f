from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpirender.policy import Factoring, History, Policy, SelfScheduling

seconds = st.floats(0, 1e6)
counts = st.integers(1, 5000)
histories = st.builds(History, st.integers(1, 500), counts, counts, seconds, seconds)
policies: st.SearchStrategy[Policy] = st.one_of(
    st.builds(Factoring, st.floats(0, 100)), st.builds(SelfScheduling, st.integers(1, 9000))
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


@pytest.mark.parametrize(("policy", "name"), [(Factoring(), "fac"), (SelfScheduling(1), "ss")])
def test_a_policy_has_its_name_in_the_literature(policy: Policy, name: str) -> None:
    assert policy.name == name

"""How much a rank gets next: one short class a published method.

==========  =====================================================================================
name        a rank gets
==========  =====================================================================================
`static`    one even share of neighbouring blocks, and nothing afterwards
`cyclic`    every n-th block, and no other
`ss`        self-scheduling: a block whenever it asks
`gss`       guided self-scheduling: an n-th of what is left
`tss`       trapezoid self-scheduling: shares that shrink by the same step
`fac`       factoring: rounds of equal shares, each round half of what is left
`awf`       adaptive weighted factoring: the same by the measured speed of the rank
`halving`   an even share, then the far half of what the last one to end has left
`auto`      ours: `halving` where finished blocks are known while a renderer works, `fac` where they
            are not; in an animation whole frames, and then parts of the last ones by takeovers
==========  =====================================================================================

Where ranks take over (`halving`, `auto`), they also begin anew what another rank should have
finished long ago.
"""

from __future__ import annotations

from collections.abc import Callable

from mpirender.policy.base import History, Policy, Takeover
from mpirender.policy.fixed import Cyclic, SelfScheduling, Static
from mpirender.policy.shrinking import AdaptiveWeightedFactoring, Factoring, Guided, Trapezoid
from mpirender.policy.takeover import BackedFactoring, Halving, WholeFrames

__all__ = [
    "NAMES",
    "OF_ONE_SIZE",
    "AdaptiveWeightedFactoring",
    "BackedFactoring",
    "Cyclic",
    "Factoring",
    "Guided",
    "Halving",
    "History",
    "Policy",
    "SelfScheduling",
    "Static",
    "Takeover",
    "Trapezoid",
    "WholeFrames",
    "automatic",
    "policy_named",
]

_BY_SIZE: dict[str, Callable[[int], Policy]] = {"cyclic": Cyclic, "ss": SelfScheduling}
_OTHERS: dict[str, Callable[[], Policy]] = {
    "static": Static,
    "gss": Guided,
    "tss": Trapezoid,
    "fac": Factoring,
    "awf": AdaptiveWeightedFactoring,
    "halving": Halving,
}

OF_ONE_SIZE = tuple(_BY_SIZE)
"""Names of the policies whose shares all have one size, which can be chosen."""

NAMES = ("auto", "static", *OF_ONE_SIZE, *(name for name in _OTHERS if name != "static"))
"""Names of all policies."""


def policy_named(name: str, *, blocks: int = 1) -> Policy:
    """Return a published policy.

    Parameters
    ----------
    name : str
        One of `NAMES` but ``auto``.
    blocks : int
        Size of a share, where it is `OF_ONE_SIZE`.
    """
    return _BY_SIZE[name](blocks) if name in _BY_SIZE else _OTHERS[name]()


def automatic(*, streams: bool, frames: bool) -> Policy:
    """Return the policy of ours for a job.

    Parameters
    ----------
    streams : bool
        Whether finished blocks are known while a renderer works.
    frames : bool
        Whether it is an animation.
    """
    if frames:
        return WholeFrames()
    return Halving() if streams else BackedFactoring()

"""When ranks find together what they are to share, before the picture."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.samples import job

from mpirender import firstpass
from mpirender.cli.render import parse_arguments
from mpirender.hosts import Claim

HERE, APART = Claim("mpirun", 0, 4, True, 4), Claim("mpirun", 0, 4, True, 2)


@pytest.mark.parametrize(
    ("claim", "ranks", "bound", "typed", "needed"),
    [
        (HERE, 4, False, [], False),
        (APART, 4, False, [], True),
        (Claim("a launcher that says little", launched=True), 4, False, [], True),
        (HERE, 4, True, [], True),
        (HERE, 4, False, ["--threads", "2"], True),
        (HERE, 4, False, ["--reproducible"], True),
        (Claim(), 1, False, ["--reproducible"], True),
        (Claim(), 1, True, ["--threads", "2"], False),
    ],
    ids=str,
)
def test_it_is_needed_where_ranks_cannot_render_in_one_process(
    claim: Claim,
    ranks: int,
    bound: bool,
    typed: list[str],
    needed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(firstpass, "is_bound", lambda: bound)
    flags = parse_arguments(["scene.pov", *typed])
    assert flags is not None
    still = job()
    assert not firstpass.needs_first_pass([still], flags, claim, ranks=ranks)
    shared = [replace(still, shares_samples=True)]
    assert firstpass.needs_first_pass(shared, flags, claim, ranks=ranks) is needed

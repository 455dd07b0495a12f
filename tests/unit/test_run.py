from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from mpirender.errors import INTERRUPTED, RendererFailed
from mpirender.run import _loop


def ranks(*, size: int = 2) -> Mock:
    """A transport of which this is rank 0."""
    return Mock(rank=0, size=size, host="here")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyboardInterrupt(), INTERRUPTED, "mpirender: interrupted\n"),
        (RendererFailed("no light"), 4, "mpirender: rank 0 of 2 on here: no light\n"),
        (ValueError("odd"), 1, "ValueError: odd"),
    ],
)
@pytest.mark.parametrize("late", [None, OSError("folder not empty"), KeyboardInterrupt()])
def test_all_ranks_end_with_one_that_cannot_go_on_whatever_comes_in_between(
    error: BaseException,
    status: int,
    said: str,
    late: BaseException | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    transport = ranks()
    worker: Any = Mock(is_finished=False, **{"step.side_effect": error, "close.side_effect": late})
    with pytest.raises(type(late or error)):
        _loop(transport, worker, Mock())
    transport.abort.assert_called_once_with(status)
    assert said in capsys.readouterr().err


def test_a_rank_without_others_just_ends() -> None:
    transport = ranks(size=1)
    with pytest.raises(RendererFailed):
        _loop(transport, Mock(is_finished=False, **{"step.side_effect": RendererFailed("no")}))
    transport.abort.assert_not_called()

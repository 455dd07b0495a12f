from __future__ import annotations

import dataclasses
import inspect
import pickle
import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from unit.samples import job, result, tile

from mpirender import messages
from mpirender.errors import ErrorRecord
from mpirender.messages import (
    Assign,
    Begin,
    ChoreDone,
    DoChore,
    Drop,
    FrameDone,
    Hello,
    Join,
    Message,
    Ready,
    Shorten,
    Stop,
    TaskDone,
    TaskLost,
    TilesDone,
    ToRoot,
    ToWorker,
    Witness,
    Working,
)
from mpirender.model import Blend, PictureFormat, Seat, Task

ROWS = re.findall(r"^(`.*?)  +(\w+) → (\w+)", messages.__doc__ or "", re.MULTILINE)
DRAWN = {name: to for names, _, to in ROWS for name in re.findall(r"`(\w+)`", names)}
TASK = Task(3, tile())
EXAMPLES: list[Message] = [
    Hello(Seat("here", frozenset({0, 1}), 2)),
    Begin((job(),), threads=2, neighbours=1, report_every=0.5),
    Join(2),
    Ready(),
    Assign(TASK, 1),
    Shorten(3, tile()),
    Working(((3, 0.5),)),
    TilesDone(3, 0, (0, 1), (20, 20), b"header", setup_seconds=0.3, pretrace_seconds=0.0),
    FrameDone(3, 7, 0.5),
    Witness(TASK),
    TaskDone(result(TASK), PictureFormat("ppm", "uint8", "RGB")),
    TaskLost(3, 1, ErrorRecord("RendererFailed", "what")),
    DoChore(Blend(Path("/a.png"), (Path("/b.png"), Path("/c.png")))),
    ChoreDone(Path("/a.png"), ErrorRecord("EncodeError", "what")),
    Drop(3),
    Stop(),
]


def test_the_table_lists_every_message() -> None:
    defined = {
        name
        for name, value in vars(messages).items()
        if inspect.isclass(value) and value.__module__ == messages.__name__
    }
    assert DRAWN.keys() == defined


def test_the_table_sends_every_message_the_right_way() -> None:
    assert {name for name, to in DRAWN.items() if to == "root"} == {
        kind.__name__ for kind in get_args(ToRoot)
    }
    assert {name for name, to in DRAWN.items() if to == "worker"} == {
        kind.__name__ for kind in get_args(ToWorker)
    }


def test_there_is_an_example_of_every_message() -> None:
    assert {type(example).__name__ for example in EXAMPLES} == DRAWN.keys()


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda m: type(m).__name__)
def test_a_message_is_frozen(message: Any) -> None:
    assert type(message).__dataclass_params__.frozen
    assert not hasattr(message, "__dict__")


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda m: type(m).__name__)
def test_a_message_travels_as_a_pickle(message: Any) -> None:
    again = pickle.loads(pickle.dumps(message))
    assert dataclasses.asdict(again) == dataclasses.asdict(message)


def test_pixels_are_not_shown_with_their_message() -> None:
    pixels = np.zeros((8, 16, 3), "uint8")
    shown = repr(TaskDone(result(TASK), PictureFormat("ppm", "uint8", "RGB"), pixels))
    assert "array" not in shown

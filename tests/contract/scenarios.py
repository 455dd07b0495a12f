"""What every transport must do, played by all of its ranks: `scenarios.py NAME` under MPI."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mpirender.backoff import Backoff
from mpirender.errors import TransportError
from mpirender.messages import Drop, FrameDone, Message, Ready, Stop, TaskDone, Working
from mpirender.model import PictureFormat, Result, Task, Tile
from mpirender.transport.base import Transport

SHAPES = ((1, 1, 1), (3, 5, 4), (1, 7919, 3), (257, 1, 2), (601, 1203, 3))
DTYPES = ("uint8", "uint16", "float16", "float32", ">u2")
IN_A_CROWD = 12  # tiles of each rank at once, more than are let in at once


def receive(transport: Transport, count: int) -> list[tuple[int, Message]]:
    """Wait for so many messages, asleep."""
    arrived: list[tuple[int, Message]] = []
    backoff = Backoff()
    while len(arrived) < count:
        if (message := transport.poll()) is None:
            backoff.sleep()
        else:
            arrived.append(message)
            backoff.reset()
    return arrived


def tile_done(number: int, rank: int, pixels: NDArray[np.generic]) -> TaskDone:
    task = Task(number, Tile(0, pixels.shape[0], 0, pixels.shape[1]))
    result = Result(task, 1, rank, "here", 1.0, 0.0, 1.0, 1.0, 1)
    return TaskDone(result, PictureFormat("png", "uint8", "RGB"), pixels)


def sample(rank: int, number: int) -> NDArray[np.generic]:
    """Odd shapes and every type, other numbers for every rank; some are not contiguous."""
    shape = SHAPES[number % len(SHAPES)]
    values = np.random.default_rng([rank, number]).integers(0, 65000, shape)
    pixels: NDArray[np.generic] = values.astype(DTYPES[number // len(SHAPES)])
    return pixels[::-1] if number % 2 else pixels


def messages_keep_their_order(transport: Transport) -> None:
    for number in range(300):
        transport.send(0, Working(((number, 0.5),)))
    if transport.rank == 0:
        heard: dict[int, list[Message]] = {rank: [] for rank in range(transport.size)}
        for source, message in receive(transport, 300 * transport.size):
            heard[source].append(message)
        expected = [Working(((number, 0.5),)) for number in range(300)]
        assert all(messages == expected for messages in heard.values())


def a_message_waits_for_the_pixels_before_it(transport: Transport) -> None:
    for number in range(IN_A_CROWD):
        size = 1500 if number % 3 == 0 else 2  # the small ones could overtake
        transport.send(0, tile_done(number, transport.rank, np.zeros((size, size, 3), "uint8")))
        transport.send(0, Drop(number))
    if transport.rank == 0:
        heard: dict[int, list[tuple[str, int]]] = {rank: [] for rank in range(transport.size)}
        for source, message in receive(transport, 2 * IN_A_CROWD * transport.size):
            if isinstance(message, TaskDone):
                heard[source].append(("tile", message.result.task.id))
            elif isinstance(message, Drop):
                heard[source].append(("drop", message.task_id))
        expected = [(kind, number) for number in range(IN_A_CROWD) for kind in ("tile", "drop")]
        assert all(messages == expected for messages in heard.values()), heard


def pixels_arrive_as_they_are(transport: Transport) -> None:
    count = len(SHAPES) * len(DTYPES)
    for number in range(count):
        transport.send(0, tile_done(number, transport.rank, sample(transport.rank, number)))
    if transport.rank == 0:
        seen = set()
        for source, message in receive(transport, count * transport.size):
            assert isinstance(message, TaskDone)
            number, rank = message.result.task.id, message.result.rank
            expected = sample(rank, number)
            assert rank == source
            assert message.pixels is not None
            assert (message.pixels.dtype, message.pixels.shape) == (expected.dtype, expected.shape)
            assert np.array_equal(message.pixels, expected)
            seen.add((rank, number))
        assert len(seen) == count * transport.size


def bytes_arrive_as_they_are(transport: Transport) -> None:
    sizes = [0, 1, 20, 5_000_000]
    for frame, size in enumerate(sizes):
        data = random.Random(100 * transport.rank + frame).randbytes(size)
        transport.send(0, FrameDone(transport.rank, frame, 1.0, pixels=data))
    if transport.rank == 0:
        for source, message in receive(transport, len(sizes) * transport.size):
            assert isinstance(message, FrameDone)
            assert source == message.task_id
            chance = random.Random(100 * source + message.frame)
            assert message.pixels == chance.randbytes(sizes[message.frame])


def a_crowd_is_served(transport: Transport) -> None:
    for number in range(IN_A_CROWD):
        value = transport.rank * IN_A_CROWD + number
        pixels = np.full((300, 700, 3), value, "uint16")
        transport.send(0, tile_done(value, transport.rank, pixels))
        transport.send(0, Ready())
    if transport.rank == 0:
        arrived = receive(transport, 2 * IN_A_CROWD * transport.size)
        tiles = [message for _, message in arrived if isinstance(message, TaskDone)]
        assert sum(message == Ready() for _, message in arrived) == IN_A_CROWD * transport.size
        numbers = sorted(tile.result.task.id for tile in tiles)
        assert numbers == list(range(IN_A_CROWD * transport.size))
        assert all(
            tile.pixels is not None and (tile.pixels == tile.result.task.id).all() for tile in tiles
        )


def a_rank_can_write_to_itself(transport: Transport) -> None:
    assert transport.poll() is None
    transport.send(transport.rank, Drop(7))
    transport.send(transport.rank, Stop())
    own = [(transport.rank, Drop(7)), (transport.rank, Stop())]
    assert receive(transport, 2) == own
    assert transport.poll() is None


def the_root_can_write_to_every_rank(transport: Transport) -> None:
    if transport.rank == 0:
        for rank in range(transport.size):
            transport.send(rank, Drop(rank))
    assert receive(transport, 1) == [(0, Drop(transport.rank))]


def leaving_does_not_wait_for_what_nobody_took(transport: Transport) -> None:
    for number in range(IN_A_CROWD):
        pixels = np.zeros((500, 700, 3), "float32")
        transport.send(0, tile_done(number, transport.rank, pixels))


def a_waiting_rank_sleeps(transport: Transport) -> None:
    began, worked = time.monotonic(), time.process_time()
    if transport.rank == 0:
        backoff = Backoff()
        while time.monotonic() - began < 1:
            assert transport.poll() is None
            backoff.sleep()
        for rank in range(transport.size):
            transport.send(rank, Stop())
    assert receive(transport, 1) == [(0, Stop())]
    waited, used = time.monotonic() - began, time.process_time() - worked
    assert used < 0.3 * waited, f"rank {transport.rank}: {used:.2f} of {waited:.2f} s"


def a_rank_that_is_not_there_cannot_be_written_to(transport: Transport) -> None:
    try:
        transport.send(transport.size, Stop())
    except TransportError as error:
        assert str(transport.size) in error.message
    else:
        raise AssertionError("nothing was said")


def some_ranks_can_have_a_run_of_their_own(transport: Transport) -> None:
    for ranks in sorted({1, max(1, transport.size // 2), transport.size}):
        if transport.rank >= ranks:
            continue
        part = transport.first(ranks)
        assert (part.rank, part.size, part.host) == (transport.rank, ranks, transport.host)
        part.send(0, Working(((part.rank, 0.5),)))
        if part.rank == 0:
            heard = {source: message for source, message in receive(part, ranks)}
            assert heard == {rank: Working(((rank, 0.5),)) for rank in range(ranks)}
            for rank in range(ranks):
                part.send(rank, Stop())
        assert receive(part, 1) == [(0, Stop())]
        part.close()
    the_root_can_write_to_every_rank(transport)


SCENARIOS: dict[str, Callable[[Transport], None]] = {
    play.__name__: play
    for play in (
        messages_keep_their_order,
        a_message_waits_for_the_pixels_before_it,
        pixels_arrive_as_they_are,
        bytes_arrive_as_they_are,
        a_crowd_is_served,
        a_rank_can_write_to_itself,
        the_root_can_write_to_every_rank,
        leaving_does_not_wait_for_what_nobody_took,
        some_ranks_can_have_a_run_of_their_own,
        a_waiting_rank_sleeps,
        a_rank_that_is_not_there_cannot_be_written_to,
    )
}


def freeze(transport: Transport, *, in_a_part: bool) -> None:
    """Have the last rank stand still for ever before it leaves, and all others leave."""
    place = transport.first(transport.size) if in_a_part else transport
    the_root_can_write_to_every_rank(place)
    if transport.rank == transport.size - 1:
        os.kill(os.getpid(), signal.SIGSTOP)
    began = time.monotonic()
    place.close()
    assert place.has_lost, "rank 0 alone comes so far, as all others are ended with it"
    if in_a_part:
        transport.close()  # at once: those that are left cannot come either
    assert transport.has_lost
    print(f"rank {transport.rank} has left after {time.monotonic() - began:.0f} s", flush=True)
    sys.exit(0)


def main(name: str) -> None:
    from mpirender.transport import mpi

    transport = mpi.MpiTransport()
    if name.startswith("freeze"):
        mpi.PATIENCE = 2.0
        freeze(transport, in_a_part=name == "freeze-part")
    if name == "abort":
        if transport.rank == transport.size - 1:
            transport.abort(42)
        receive(transport, 1)  # which never comes
    try:
        SCENARIOS[name](transport)
    except BaseException:
        traceback.print_exc()
        transport.abort(1)
    transport.close()
    print(f"rank {transport.rank} of {transport.size} is through")


if __name__ == "__main__":
    main(sys.argv[1])

"""The child side of the fake renderer: a program of its own, of very few imports.

It takes a hundredth of a second to start, so that dozens of ranks can share a core and still be
asleep nearly all the time, as timers are.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False  # to import it takes as long as all the rest
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FAULTS", "VERSION", "WAIT", "FakeScene", "pixel_row"]

VERSION = "1.0"
WAIT = "--wait"
"""Instead of what is said of a task: it comes later, in a line of standard input."""

STREAM_HEADER = b"tiles of the fake renderer\n"
FAULTS = (
    "exit",
    "signal",
    "hang",
    "lie",
    "missing",
    "empty",
    "torn",
    "size",
    "scene",
    "version",
)
_KEYS: dict[str, Callable[[str], object]] = {
    "bits": int,
    "block": int,
    "stream": lambda value: bool(("no", "yes").index(value)),
    "spares": lambda value: bool(("no", "yes").index(value)),
    "frames": str,
    "seconds": float,
    "costs": str,
    "setup": float,
}
_SIGKILL = 9


class FakeScene:
    """What a ``.fake`` file says; a plain class, since dataclasses take longer to load than a task.

    Attributes
    ----------
    faults : tuple of (str, int, int)
        What, at which task, at which attempt; 0 for all of them.
    """

    def __init__(
        self,
        width: int,
        height: int,
        *,
        bits: int = 8,
        block: int = 32,
        stream: bool = False,
        spares: bool = False,
        frames: str = "",
        seconds: float = 0.0,
        costs: str = "",
        setup: float = 0.0,
        faults: tuple[tuple[str, int, int], ...] = (),
    ) -> None:
        self.width, self.height, self.bits, self.block = width, height, bits, block
        self.stream, self.spares, self.frames = stream, spares, frames
        self.seconds, self.costs, self.setup = seconds, costs, setup
        self.faults = faults

    @classmethod
    def parse(cls, text: str) -> FakeScene:
        """Understand a scene.

        Raises
        ------
        ValueError
            With the line that is not understood; empty if there is no size.
        """
        size: list[int] = []
        fields: dict[str, object] = {}
        faults: list[tuple[str, int, int]] = []
        for line in text.splitlines():
            key, _, value = (part.strip() for part in line.partition("#")[0].partition("="))
            try:
                if key == "size":
                    width, height = map(int, value.split("x"))
                    size = [width, height]
                elif key == "fault":
                    kind, _, where = value.partition(":")
                    task, _, attempt = where.partition("@")
                    faults.append((FAULTS[FAULTS.index(kind)], int(task), int(attempt or 0)))
                elif key:
                    fields[key] = _KEYS[key](value)
            except (ValueError, KeyError):
                raise ValueError(line) from None
        if not size:
            raise ValueError("")
        return cls(*size, faults=tuple(faults), **fields)  # type: ignore[arg-type]

    def fault(self, task: int, attempt: int) -> str:
        """Return what is to go wrong in an attempt; empty for nothing."""
        fitting = (k for k, t, a in self.faults if t == task and a in (0, attempt))
        return next(fitting, "")


def pixel_row(row: int, width: int, bits: int, columns: range) -> bytes:
    """Return one row of the picture in PPM's own bytes.

    Parameters
    ----------
    row, width : int
    bits : int
        8 or 16.
    columns : range
        Columns that are rendered; all others are black.

    Returns
    -------
    row : bytes
        ``width * 3 * bits / 8`` of them: the row's number, the column's number, and their sum.
    """
    size = bits // 8
    shown = b"".join(_pixel(row, column, bits) for column in columns)
    return bytes(3 * size * columns.start) + shown + bytes(3 * size * (width - columns.stop))


def _pixel(row: int, column: int, bits: int) -> bytes:
    largest = (1 << bits) - 1
    values = (row + 1, column + 1, 7 * row + 13 * column + 1)
    return b"".join(
        (value % largest + 1 if value > largest else value).to_bytes(bits // 8, "big")
        for value in values
    )


class _Part:
    """A task: a rectangle of a picture of some size, and what is to go wrong."""

    def __init__(self, scene: FakeScene, size: str, rectangle: str, fault: str) -> None:
        self.scene = scene
        self.width, self.height = map(int, size.split("x"))
        self.start, self.stop, self.left, self.right = map(int, rectangle.split(","))
        self.fault = fault

    def blocks(self) -> list[tuple[int, int, int]]:
        """Return number, first row and first column of each block, in reading order."""
        edge = self.scene.block
        columns = -(-self.width // edge)
        return [
            (row // edge * columns + column // edge, row, column)
            for row in range(self.start, self.stop, edge)
            for column in range(self.left, self.right, edge)
        ]

    def write_tiles(self, output: str, costs: list[float]) -> None:
        """Write one block after the other; those with a fault end in the middle of their task."""
        scene, fault = self.scene, self.fault
        blocks = self.blocks()
        with open(f"{output.removesuffix('.ppm')}.tiles", "ab", buffering=0) as file:  # noqa: PTH123
            due = time.monotonic()
            for number, (block, row, column) in enumerate(blocks):
                if fault in ("exit", "signal") and number >= len(blocks) / 2:
                    os.kill(os.getpid(), _SIGKILL) if fault == "signal" else sys.exit(1)
                due += costs[block] if costs else scene.seconds
                time.sleep(max(0.0, due - time.monotonic()))
                data = self._block(row, column)
                if fault not in ("lie", "missing") or number:
                    file.write(block.to_bytes(4, "big") + len(data).to_bytes(4, "big") + data)
                _say(f"done {(number + 1) / len(blocks) * (0.8 if fault == 'lie' else 1)}")

    def cost(self, costs: list[float], *, streams: bool) -> float:
        """Return what all of it takes."""
        blocks = self.blocks()
        if costs:
            return sum(costs[block] for block, _, _ in blocks)
        return self.scene.seconds * (len(blocks) if streams else 1)

    def take_time(self, cost: float) -> None:
        """Take as long as the whole rectangle does, in four steps."""
        for step in range(1, 5):
            time.sleep(cost / 4)
            _say(f"done {step / 4 if self.fault != 'lie' else step / 5}")

    def _block(self, top: int, left: int) -> bytes:
        """Return the rows of a block."""
        scene = self.scene
        right = min(left + scene.block, self.width)
        bottom = min(top + scene.block, self.height)
        return b"".join(
            _pixel(row, column, scene.bits)
            for row in range(top, bottom)
            for column in range(left, right)
        )

    def write_picture(self, output: str) -> None:
        """Write the picture, black outside of the rectangle."""
        bits, height = self.scene.bits, self.height + (self.fault == "size")
        columns = range(self.left, self.right)
        rows = (
            pixel_row(row, self.width, bits, columns)
            if self.start <= row < self.stop
            else bytes(3 * bits // 8 * self.width)
            for row in range(height)
        )
        header = f"P6\n{self.width} {height}\n{(1 << bits) - 1}\n".encode()
        picture = b"" if self.fault == "empty" else header + b"".join(rows)
        if self.fault != "missing":
            with open(output, "wb") as file:  # noqa: PTH123
                file.write(picture[: len(picture) // 2] if self.fault == "torn" else picture)


def _say(text: str) -> None:
    print(text, flush=True)


def _read(path: str) -> str:
    with open(path) as file:  # noqa: PTH123
        return file.read()


def main(argv: list[str]) -> int:
    """Render one task: scene, size, ..., task id, attempt, frames, rectangle, output.

    Returns
    -------
    status : int
        Exit status.
    """
    scene = FakeScene.parse(_read(argv[0]))
    costs: list[float] = []
    if scene.costs:
        costs = [*map(float, _read(os.path.join(os.path.dirname(argv[0]), scene.costs)).split())]  # noqa: PTH118, PTH120
    if argv[-1] == WAIT:
        argv = [*argv[:-1], *sys.stdin.readline().rstrip("\n").split("\t")]
    fault = scene.fault(int(argv[-5]), int(argv[-4]))
    part = _Part(scene, argv[1], argv[-2], fault)
    stem = argv[-1].removesuffix(".ppm")
    _say("version " + ("0.9" if fault == "version" else VERSION))
    _say(f"size {part.width}x{part.height}")
    time.sleep(scene.setup)
    _say(f"set-up-in {scene.setup}")
    if fault == "scene":
        _say("scene-error line 3: no such colour")
        return 1
    while fault == "hang":
        time.sleep(1)
    cost = part.cost(costs, streams="--stream" in argv)
    for number in argv[-3].split(","):
        if "--stream" in argv:
            part.write_tiles(f"{stem}{number}.ppm", costs)
        else:
            part.take_time(cost)
        part.write_picture(f"{stem}{number}.ppm")
        _say(f"rendered-in {cost}")
    if fault == "signal":
        os.kill(os.getpid(), _SIGKILL)
    return 1 if fault == "exit" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

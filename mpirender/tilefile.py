"""The tiles of one frame in one file: what has been finished, and what the last pass reads."""

from __future__ import annotations

from pathlib import Path

from mpirender.errors import WriteError
from mpirender.units import Bytes

__all__ = ["TileFile"]


class TileFile:
    """Records of tiles in the order in which they arrived, behind a renderer's own header.

    Parameters
    ----------
    path : Path
        Made anew.
    header : bytes
        As the renderer begins such a file.

    Raises
    ------
    WriteError
        If it cannot be made; `append` raises it where the disk is full.
    """

    def __init__(self, path: Path, header: bytes) -> None:
        self.path = path
        self.size: Bytes = 0
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise self._failed(error) from error
        self.append(header)

    def append(self, data: bytes | memoryview) -> None:
        """Write some records, at once and as a whole."""
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from error
        self.size += len(data)

    def close(self) -> None:
        """Write no more."""
        self._file.close()

    def _failed(self, error: OSError) -> WriteError:
        return WriteError(
            f"cannot keep tiles in {self.path}: {error.strerror}",
            hint="set TMPDIR to a folder with room for 20 bytes a pixel",
        )

"""How pictures and animations are cut, every pixel of every frame exactly once.

Pieces are cut off from the front when a rank asks for work, and from the far end of what another
rank has when nothing is left.
"""

from __future__ import annotations

from mpirender.partition.frames import FramePartition, Section
from mpirender.partition.grid import Grid
from mpirender.partition.still import Partition, Split

__all__ = ["FramePartition", "Grid", "Partition", "Section", "Split"]

"""Render one picture over all the ranks of an MPI job, bit for bit as the renderer alone would."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"

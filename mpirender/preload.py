"""What takes long to load, loaded when nobody waits for this rank."""

from __future__ import annotations

import os
from functools import cache

__all__ = ["preload"]

_BLAS_THREADS = "OPENBLAS_NUM_THREADS"


@cache
def preload() -> None:
    """Load numpy, and what reads pictures; where it has been called before, do nothing.

    Nothing here multiplies matrices: the threads for that, one a core, would only take time from
    the ranks beside this one. Renderers find the environment as it was.
    """
    before = dict(os.environ)
    os.environ.setdefault(_BLAS_THREADS, "1")
    try:
        from mpirender import images

        images.preload()
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]

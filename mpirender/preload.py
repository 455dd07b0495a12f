"""What takes long to load, loaded while a rank has nothing else to do."""

from __future__ import annotations

import os
from functools import cache

__all__ = ["preload"]

_BLAS_THREADS = "OPENBLAS_NUM_THREADS"


@cache
def preload() -> None:
    """Load numpy, and what reads pictures; where it has been called before, do nothing.

    What a rank loads while it has no work, or while its renderer starts, takes no core from one
    that renders. Nothing here multiplies matrices: the threads for that, one a core, would only
    take time from the ranks beside this one.
    """
    typed = os.environ.get(_BLAS_THREADS)
    os.environ[_BLAS_THREADS] = typed or "1"
    try:
        from mpirender import images
    finally:
        if typed is None:
            del os.environ[_BLAS_THREADS]
    images.preload()

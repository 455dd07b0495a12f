"""``python -m mpirender``."""

from __future__ import annotations

import sys

from mpirender.cli import main

if __name__ == "__main__":
    sys.exit(main())

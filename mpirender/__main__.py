"""``python -m mpirender``, and what the command `mpirender` starts."""

from __future__ import annotations

import ctypes
import logging
import signal
import sys
from contextlib import suppress

__all__ = ["main"]


def main() -> None:
    """Run the program on this rank and end the process with its exit status.

    All that has to be closed has been by then. To take the picture libraries and their threads
    apart once more takes Python a quarter of a second, in which every rank of the run would wait.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing has to be put away yet
    from mpirender.cli import main as run

    status = run()
    logging.shutdown()
    with suppress(OSError):  # nobody reads it any more
        sys.stdout.flush()
        sys.stderr.flush()
    # not os._exit: MPICH takes leave of its launcher in an atexit handler of C's, and where a rank
    # has not, the launcher kills those that are still on their way out
    ctypes.CDLL(None).exit(status)


if __name__ == "__main__":
    main()

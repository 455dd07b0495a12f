"""A renderer without a renderer: the whole program runs, in milliseconds, and fails on request.

A ``.fake`` scene is a text file of ``key = value`` lines::

    size    = 64x48      # pixels, the only key that must be there
    bits    = 16         # a channel, 8 (the default) or 16
    block   = 8          # edge of its blocks in pixels, 32 by default
    frames  = 1-10       # an animation; none by default
    stream  = yes        # finished blocks are sent one by one
    spares  = yes        # of such a still; the next process is started before its task is known
    seconds = 0.05       # what a task takes, 0 by default; each block, where it streams
    costs   = costs.txt  # instead: a file of what each block takes, in reading order
    setup   = 0.01       # what it takes before the first pixel, 0 by default
    fault   = exit:3     # every attempt at task 3 fails; as often as wanted
    fault   = hang:2@1   # the first attempt at task 2 hangs

The faults are those that real renderers have: ``exit`` (ends with status 1), ``signal`` (dies),
``hang`` (never ends), ``lie`` (ends with 0 and says less than all pixels), ``missing`` (no
picture), ``empty``, ``torn`` (half a file), ``size`` (another one than asked), ``scene`` (the
scene is at fault), ``version`` (another one than rank 0's). Every pixel tells where it is, so that
a picture shows at once what is missing or in the wrong place.
"""

from __future__ import annotations

from mpirender.renderers.fake.child import FAULTS, FakeScene, pixel_row
from mpirender.renderers.fake.renderer import Fake, FakeStream, FakeWatch

__all__ = ["FAULTS", "Fake", "FakeScene", "FakeStream", "FakeWatch", "pixel_row"]

"""The state machine of a run: events come in, instructions come out.

`Schedule.handle` is the only thing that changes the schedule. It knows no MPI, no child process,
no disk and no clock of its own, so a run over any number of ranks is a list of calls in a test.

A task goes through these states::

    queued ──► active ──► completed
      ▲          │
      └ soft-failed ──► failed          after `Limits.retries` more attempts
    any of them but the last two ──► canceled
"""

from __future__ import annotations

from mpirender.schedule.entry import TaskState
from mpirender.schedule.machine import SET_ASIDE_AFTER, Schedule
from mpirender.schedule.silence import LONGEST_TICK, LOST_AFTER, report_every

__all__ = ["LONGEST_TICK", "LOST_AFTER", "SET_ASIDE_AFTER", "Schedule", "TaskState", "report_every"]

"""How a rank comes by the renderer for a task: one that stays, one in reserve, or a new one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mpirender.errors import MpirenderError
from mpirender.hosts import this_machine
from mpirender.messages import Begin
from mpirender.model import Task
from mpirender.paths import Scratch
from mpirender.preload import preload
from mpirender.process import Child, Process, clean_environment
from mpirender.renderers import renderer_named
from mpirender.renderers.base import PLACE, Command, Spare, TileStream
from mpirender.resting import close_resting
from mpirender.session import Session
from mpirender.units import Seconds

__all__ = ["Pool"]

_SHARE_OF_MEMORY = 0.9  # of its part of the host's; a renderer that has grown beyond it goes
_LEAD = 4.0  # start latencies: forecasts err, and to begin too early costs a core nothing
_LEAD_OF_SPARE: Seconds = 0.1  # before the time that the scene takes


class Pool:
    """The renderers of a rank that are not at work, and the ways to get more.

    Parameters
    ----------
    begin : Begin
    scratch : Scratch
    """

    def __init__(self, begin: Begin, scratch: Scratch) -> None:
        self._begin = begin
        self._scratch = scratch
        self._sessions: dict[tuple[str, ...], Session] = {}  # by their argv
        self._spare: Spare | None = None
        self._has_spares = begin.jobs[0].spares
        self.provide()

    @property
    def has_sessions(self) -> bool:
        """Whether renderers have been asked that stay."""
        return bool(self._sessions)

    def lead(self, task: Task, setup_seconds: Seconds) -> Seconds:
        """Return how long before the end of a task the next one is to be asked for.

        Parameters
        ----------
        task : Task
        setup_seconds : float
            That passed before its first pixel was begun.
        """
        latency = renderer_named(self._begin.jobs[task.job].renderer).start_latency
        if self._spare:
            return min(_LEAD_OF_SPARE, latency) + setup_seconds
        return _LEAD * latency

    def provide(self) -> None:
        """Start a renderer for the next task, if there is none and it need not know the task."""
        if self._spare or not self._has_spares:
            return
        job = self._begin.jobs[0]
        with suppress(MpirenderError):  # the task will bring it to light
            self._spare = renderer_named(job.renderer).spare(job, threads=self._begin.threads)
        self._has_spares = self._spare is not None

    def start(
        self, task: Task, command: Command, streams: Mapping[int, TileStream], log: Path
    ) -> Child:
        """Set a renderer to work on a task.

        Raises
        ------
        RendererNotFound, SetupError
            If it cannot be started.
        """
        spare, self._spare = self._spare, None
        if spare and spare.take_up(task, streams[task.tile.frame], command.output, log):
            child: Child = spare
        else:
            if spare:
                spare.kill()
                self._has_spares = False  # another one could not either
            child = self._new(task, command, log)
            if task.numbers or not streams:
                preload()  # what will read its pictures; it takes longer to start
        if len(self._begin.jobs) == 1:
            close_resting()  # whatever else was started early is of no use for this run
        return child

    def _new(self, task: Task, command: Command, log: Path) -> Child:
        """Start a renderer, or ask one that has stayed."""
        begin, directory = self._begin, self._begin.jobs[task.job].directory
        environment = clean_environment(os.environ)
        environment["OMP_NUM_THREADS"] = str(begin.threads)
        environment[PLACE] = str(begin.place)
        environment |= dict(command.environment)
        if not command.request:
            return Process(command.argv, directory=directory, environment=environment, log=log)
        if command.argv not in self._sessions:
            most = int(_SHARE_OF_MEMORY * this_machine().memory / begin.neighbours)
            resting = Session.rested(command.argv, directory, most_memory=most)
            self._sessions[command.argv] = resting or Session(
                command.argv,
                directory=directory,
                environment=environment,
                log=self._scratch.folder / f"session-{len(self._sessions)}.log",
                most_memory=most,
            )
            close_resting()
        return self._sessions[command.argv].begin(command.request, log)

    def close(self) -> None:
        """End all that are not at work on a task of their own."""
        for session in self._sessions.values():
            session.close()
        if self._spare:
            self._spare.kill()

"""Computers within this one: hosts with sshd and a Slurm over them, as the scripts here make."""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from launchers import ROOT, VENVS, run

HERE = Path(__file__).resolve().parent
START_LIMIT_S = 60.0
END_LIMIT_S = 10.0
LOOK_EVERY_S = 0.2


def wait_until(condition: Callable[[], bool], what: str, timeout: float = 60) -> None:
    """Return as soon as a condition holds; fail after a time limit."""
    limit = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < limit, f"after {timeout} s still waiting: {what}"
        time.sleep(LOOK_EVERY_S)


class Hosts:
    """Hosts node1, node2 ...: one file system and network, else apart as real ones.

    Parameters
    ----------
    folder : Path
        Empty; seen under the same name by every host, although each has a /tmp of its own.
    count : int
        How many hosts.
    """

    def __init__(self, folder: Path, count: int) -> None:
        if os.geteuid() != 0:
            raise PermissionError("tests/cluster makes network namespaces: run it as root")
        self.folder = folder
        self.names = tuple(f"node{number}" for number in range(1, count + 1))
        self._log = (folder / "hosts.log").open("wb")
        self._process = subprocess.Popen(
            [HERE / "hosts.sh", folder, str(count), ROOT, VENVS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        assert self._process.stdout is not None
        limit = threading.Timer(START_LIMIT_S, self._process.kill)
        limit.start()
        answer = self._process.stdout.readline()
        limit.cancel()
        if answer != b"ready\n":
            self.close()
            raise RuntimeError((folder / "hosts.log").read_text(errors="replace"))
        self._switch = psutil.Process(self._process.pid).children()[0].pid

    def close(self) -> None:
        """End every host and all that runs on them; harmless the second time."""
        self._process.kill()
        self._process.communicate(timeout=END_LIMIT_S)
        self._log.close()

    def run(
        self,
        host: str,
        argv: Sequence[str | Path],
        *,
        timeout: float = 60,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program on a host, as `launchers.run` does here."""
        switch = ("--target", str(self._switch), "--net", "--mount", "--pid")
        node = (self.folder / f"{host}.pid").read_text().strip()
        inside = ("--target", node, "--net", "--uts", "--ipc", "--mount", "--pid")
        place = ("env", f"--chdir={cwd or self.folder}")
        command = ["nsenter", *switch, "nsenter", *inside, *place, *argv]
        return run(command, timeout=timeout, env=env)

    def check_run(
        self,
        host: str,
        argv: Sequence[str | Path],
        *,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Return what a program printed on a host; it must succeed."""
        done = self.run(host, argv, timeout=timeout, env=env)
        assert done.returncode == 0, (shlex.join(map(str, argv)), done.stdout, done.stderr)
        return done.stdout

    def running(self, program: str) -> set[str]:
        """Return the hosts on which a program of this name runs."""
        return {
            host
            for host in self.names
            if self.run(host, ["pgrep", "--exact", program]).returncode == 0
        }

    @contextmanager
    def other_program(self, host: str, program: Path, other: Path) -> Iterator[None]:
        """On one host, have another file in the place of a program."""
        self.check_run(host, ["mount", "--bind", other, program])
        try:
            yield
        finally:
            self.check_run(host, ["umount", program])


class Slurm:
    """Slurm over some hosts, node1 in charge.

    Parameters
    ----------
    hosts : Hosts
        With no Slurm yet; it ends with them.
    cpus : int
        What each node claims to have.
    """

    def __init__(self, hosts: Hosts, cpus: int) -> None:
        self.hosts = hosts
        folder = hosts.folder / "slurm"
        folder.mkdir()
        self._env = {"SLURM_CONF": str(folder / "slurm.conf")}
        hosts.check_run(
            hosts.names[0],
            [HERE / "slurm.sh", folder, str(len(hosts.names)), str(cpus)],
            timeout=START_LIMIT_S,
        )

    def command(self, *argv: str | Path, env: Mapping[str, str] | None = None) -> str:
        """Return what sbatch, scontrol ... printed on node1."""
        return self.hosts.check_run(self.hosts.names[0], argv, env={**self._env, **(env or {})})

    def job(self, number: str) -> dict[str, str]:
        """Return what Slurm knows of a job, such as `JobState` and `ExitCode`."""
        line = self.command("scontrol", "--oneliner", "show", "job", number)
        return dict(word.split("=", 1) for word in line.split() if "=" in word)

    def await_end(self, number: str, timeout: float = 60) -> dict[str, str]:
        """Return what Slurm knows of a job when all its processes have ended."""
        unfinished = {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING"}
        wait_until(
            lambda: self.job(number)["JobState"] not in unfinished, f"end of job {number}", timeout
        )
        return self.job(number)

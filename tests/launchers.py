"""How the tests start MPI jobs: one `Launcher` an MPI, and `run`, which always has a time limit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENVS = Path(os.environ.get("MPIRENDER_TEST_VENVS") or ROOT / ".venvs").absolute()
MPIRENDER = ("-m", "mpirender")
GRACE_S = 3.0  # between SIGTERM and SIGKILL: Open MPI 4.1 takes two seconds to end its ranks

# Both Open MPIs refuse to start as root without these, as in a container.
AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
# The Open MPI wheel looks for fast networks for one second at every start unless told not to.
NO_FABRIC = {"OMPI_MCA_pml": "ob1", "OMPI_MCA_btl": "^ofi,uct", "OMPI_MCA_mtl": "^ofi"}
# Debian's Slurm proposes munge to PMIx, which the wheel lacks: it says so at length, and goes on.
NO_MUNGE = {"PMIX_MCA_psec": "native"}


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float = 60,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return what it wrote, whatever its exit status.

    Parameters
    ----------
    argv : sequence of str or Path
        Program and arguments; stdin is empty.
    timeout : float
        Time limit in seconds.
    cwd : Path, optional
        Working directory; the present one if absent.
    env : mapping, optional
        Variables added to this process's environment.

    Returns
    -------
    completed : CompletedProcess

    Raises
    ------
    subprocess.TimeoutExpired
        After the time limit; then the program, its process group and all its descendants have
        been ended, and what they had written is on stderr.
    """
    tokens = [str(token) for token in argv]
    with subprocess.Popen(
        tokens,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        start_new_session=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as expired:
            end_tree(process)
            print(expired, *process.communicate(timeout=GRACE_S), sep="\n", file=sys.stderr)
            raise
        except BaseException:
            end_tree(process)
            raise
    return subprocess.CompletedProcess(tokens, process.returncode, stdout, stderr)


def end_tree(process: subprocess.Popen[str]) -> None:
    """Ask a process's group to end, then kill what is left of it and of its descendants.

    The descendants are listed first: a launcher puts its ranks into process groups of their own.
    """
    import psutil  # which the environments of benchmarked ranks lack

    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=GRACE_S)
        except subprocess.TimeoutExpired:
            continue
        break
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue


@dataclass(frozen=True)
class Launcher:
    """One MPI: its `mpirun`, the Python environment that belongs to it, and its flags.

    Attributes
    ----------
    name : str
        `openmpi4`, `openmpi5` or `mpich`; also the name of its example in `hostfiles/`.
    folder : str
        Subfolder of `VENVS`: a Python environment with mpirender installed in it.
    flags : tuple of str
        Given at every start.
    local_flags : tuple of str
        Given when there is no hostfile: more ranks than cores are wanted there.
    hostfile_flag : str
        What stands before the hostfile's name.
    slurm_mpi : str
        The `srun --mpi=` that this MPI understands.
    env : dict
        Variables that a start needs.
    mpirun_path : str, optional
        Where `mpirun` is, when not in the environment's `bin`.
    """

    name: str
    folder: str
    flags: tuple[str, ...] = ()
    local_flags: tuple[str, ...] = ()
    hostfile_flag: str = "--hostfile"
    slurm_mpi: str = "pmix"
    env: Mapping[str, str] = field(default_factory=dict)
    mpirun_path: str | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def venv(self) -> Path:
        """The Python environment's folder."""
        return VENVS / self.folder

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return _present(self.venv / "bin" / "python")

    @property
    def mpirun(self) -> Path:
        """The launcher program."""
        return _present(Path(self.mpirun_path or self.venv / "bin" / "mpirun"))

    @property
    def hostfile(self) -> Path:
        """The shipped example of a hostfile for this MPI."""
        return ROOT / "hostfiles" / f"{self.name}.hosts"

    def command(
        self,
        np: int,
        *args: str | Path,
        hostfile: Path | None = None,
        program: Sequence[str] = MPIRENDER,
    ) -> list[str]:
        """Return the tokens that start `np` ranks of `python <program> <args>`."""
        place = self.local_flags if hostfile is None else (self.hostfile_flag, str(hostfile))
        return [
            *(str(self.mpirun), "-np", str(np), *self.flags, *place),
            *(str(self.python), *program, *map(str, args)),
        ]

    def run(
        self,
        np: int,
        args: Sequence[str | Path],
        *,
        timeout: float = 60,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        program: Sequence[str] = MPIRENDER,
    ) -> subprocess.CompletedProcess[str]:
        """Run `np` ranks on this machine; see `run` for the time limit and the result."""
        command = self.command(np, *args, program=program)
        return run(command, timeout=timeout, cwd=cwd, env={**self.env, **(env or {})})


def _present(program: Path) -> Path:
    """Return the path of a program, or raise with what to do."""
    if not program.exists():
        raise FileNotFoundError(f"{program} is missing: prepare the test environments (tests/run)")
    return program


OPENMPI4 = Launcher(
    name="openmpi4",
    folder="system",
    flags=("--bind-to", "none"),
    local_flags=("--oversubscribe",),
    env=AS_ROOT,
    mpirun_path="/usr/bin/mpirun.openmpi",
)
OPENMPI5 = Launcher(
    name="openmpi5",
    folder="openmpi",
    flags=("--bind-to", "none"),
    local_flags=("--oversubscribe",),
    env={**AS_ROOT, **NO_FABRIC, **NO_MUNGE},
)
MPICH = Launcher(name="mpich", folder="mpich", hostfile_flag="-f", slurm_mpi="pmi2")
LAUNCHERS = (OPENMPI4, OPENMPI5, MPICH)

from __future__ import annotations

import ast
import inspect
import pickle
import re

import pytest
from unit.samples import MODULES, TREES

from mpirender import errors
from mpirender.errors import (
    INTERRUPTED,
    CompositionError,
    EncodeError,
    ErrorRecord,
    MpirenderError,
    RendererNotFound,
    RenderError,
    SceneError,
    SetupError,
    TransportError,
    UsageError,
    VersionMismatch,
    WriteError,
    error_from,
)

CLASSES = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, MpirenderError)
]
BRANCHES = [kind for kind in CLASSES if kind.__base__ is MpirenderError]
DRAWING = errors.__doc__ or ""


def drawn_statuses() -> dict[str, int]:
    """Name → exit status as the docstring draws them; a leaf has that of its branch."""
    statuses: dict[str, int] = {}
    branch = 0
    for line in DRAWING.splitlines():
        if found := re.match(r"    [├└]── (\w+) .*?(\d+)$", line):
            branch = statuses[found[1]] = int(found[2])
        elif found := re.match(r"    [│ ]   [├└]── (\w+) ", line):
            statuses[found[1]] = branch
    return statuses


def called_names() -> set[str]:
    """Names that are called anywhere in the package, but for the module of the errors."""
    return {
        node.func.id
        for name, tree in TREES.items()
        if name != "mpirender.errors"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def test_the_drawing_shows_every_class_with_its_exit_status() -> None:
    existing = {kind.__name__: kind.exit_status for kind in CLASSES if kind is not MpirenderError}
    assert drawn_statuses() == existing


def test_every_leaf_is_drawn_below_its_own_branch() -> None:
    drawn = list(drawn_statuses())
    assert drawn == [kind.__name__ for kind in CLASSES if kind is not MpirenderError]


def test_every_branch_has_an_exit_status_of_its_own() -> None:
    statuses = [kind.exit_status for kind in BRANCHES]
    assert len(set(statuses)) == len(statuses)
    assert not {0, 1, INTERRUPTED} & set(statuses)


def test_every_leaf_ends_with_the_status_of_its_branch() -> None:
    leaves = [(kind, branch) for branch in BRANCHES for kind in branch.__subclasses__()]
    assert leaves
    assert all(kind.exit_status == branch.exit_status for kind, branch in leaves)


def test_every_class_is_made_somewhere_or_only_a_base() -> None:
    idle = {k.__name__ for k in CLASSES if not k.__subclasses__()} - called_names()
    assert not idle


def test_the_base_is_never_raised_itself() -> None:
    assert "MpirenderError" not in called_names()


def test_the_help_names_every_exit_status() -> None:
    text = MODULES["mpirender.cli.render"].read_text()
    told = text.partition("Exit status:")[2].partition('"""')[0]
    assert {int(number) for number in re.findall(r"\d+", told)} == {
        0,
        INTERRUPTED,
        *(branch.exit_status for branch in BRANCHES),
    }


@pytest.mark.parametrize("kind", CLASSES[1:], ids=lambda kind: kind.__name__)
def test_an_error_comes_out_of_its_record_as_it_went_in(kind: type[MpirenderError]) -> None:
    record = ErrorRecord.of(kind("what", hint="next", detail="long\nlines"))
    again = error_from(pickle.loads(pickle.dumps(record)))
    assert type(again) is kind
    assert (str(again), again.message) == ("what", "what")
    assert (again.hint, again.detail) == ("next", "long\nlines")


def test_a_record_of_an_unknown_class_is_a_render_error() -> None:
    assert type(error_from(ErrorRecord("FromTheFuture", "what"))) is RenderError


def test_only_what_would_fail_everywhere_is_fatal() -> None:
    fatal = {kind for kind in CLASSES if ErrorRecord(kind.__name__, "").is_fatal}
    assert fatal == {SceneError, VersionMismatch}


def test_only_a_missing_renderer_condemns_its_rank() -> None:
    condemning = {kind for kind in CLASSES if ErrorRecord(kind.__name__, "").condemns_rank}
    assert condemning == {RendererNotFound}


def test_the_branches_are_the_documented_ones() -> None:
    assert {kind: kind.exit_status for kind in BRANCHES} == {
        UsageError: 2,
        SetupError: 3,
        RenderError: 4,
        TransportError: 5,
        CompositionError: 6,
        WriteError: 7,
        EncodeError: 8,
    }

"""Imports go down only; what touches the world outside has one home each."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache

import pytest
from unit.samples import MODULES, TREES

LEVELS = (
    ("", "units", "errors"),
    ("messages", "model", "events", "frames"),
    (
        *("schedule", "policy", "partition", "simulate", "planning", "replay", "report"),
        *("compose", "hosts", "flags", "tracks", "blur"),
    ),
    (
        "backoff",
        "interrupts",
        "process",
        "resting",
        "session",
        "images",
        "paths",
        "views",
        "tilefile",
        "film",
        "encode",
        "plots",
        "preload",
    ),
    ("transport", "renderers"),
    (
        *("root", "worker", "attempt", "delivery", "canvas", "shots", "studio", "chores"),
        *("snapshot", "measure", "tune", "reporter", "pool", "run"),
    ),
    ("cli", "app", "bench", "firstpass"),
    ("__main__",),
)
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}
PURE_UP_TO = 2
NOT_OURS = ("renderers.blender.inside",)  # run by Blender's Python, where the package is not
CONCRETE = (
    "transport.local",
    "transport.mpi",
    "transport.recording",
    "renderers.povray",
    "renderers.blender",
    "renderers.fake",
)
HOMES = {
    "mpi4py": ("transport.mpi",),
    "subprocess": ("process",),
    "time.sleep": ("backoff", "renderers.fake"),  # the latter's child is a program of its own
    "matplotlib": ("plots",),
    "PIL": ("images", "encode"),
    "av": ("encode",),
    "OpenImageIO": ("images",),
}


@cache
def imports(module: str) -> frozenset[str]:
    """Dotted names that a module imports, in functions and for types too, and `time.sleep`."""
    return frozenset(imported_by(module))


def imported_by(module: str) -> Iterator[str]:
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level or is_within(module, NOT_OURS), f"{module}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def target(name: str) -> str | None:
    """The module of the package that an imported name lies in; None for others."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def is_within(module: str, homes: tuple[str, ...]) -> bool:
    return any(f"{module}.".startswith(f"mpirender.{home}.") for home in homes)


def level(module: str) -> int:
    return LEVEL[[*module.split("."), ""][1]]


def concrete_part(module: str) -> str | None:
    return next((part for part in CONCRETE if is_within(module, (part,))), None)


EDGES = {
    (name, to)
    for name in MODULES
    for imported in imports(name)
    if (to := target(imported)) and to != name
}


def test_every_module_has_a_level() -> None:
    rooms = {[*name.split("."), ""][1] for name in MODULES}
    assert rooms == LEVEL.keys()


def test_imports_never_go_up() -> None:
    assert [(a, b) for a, b in EDGES if level(a) < level(b)] == []


def test_rooms_of_one_level_know_each_others_protocols_only() -> None:
    edges = [
        (a, b)
        for a, b in EDGES
        if level(a) == level(b) == LEVEL["transport"] and a.split(".")[1] != b.split(".")[1]
    ]
    assert [(a, b) for a, b in edges if not b.endswith(".base")] == []


def test_concrete_parts_of_a_room_do_not_know_each_other() -> None:
    parts = {(concrete_part(a), concrete_part(b)) for a, b in EDGES}
    assert [(a, b) for a, b in parts if a and b and a != b] == []


def test_imports_make_no_circle() -> None:
    left = dict.fromkeys(MODULES)
    while free := [m for m in left if not any(a == m and b in left for a, b in EDGES)]:
        for module in free:
            del left[module]
    assert list(left) == []


@pytest.mark.parametrize("name", HOMES)
def test_what_touches_the_world_has_one_home(name: str) -> None:
    users = {m for m in MODULES for i in imports(m) if f"{i}.".startswith(f"{name}.")}
    assert [module for module in users if not is_within(module, HOMES[name])] == []


def test_pure_modules_import_the_standard_library_and_numpy_only() -> None:
    allowed = {"mpirender", "numpy", *sys.stdlib_module_names}
    foreign = {
        (module, node.module if isinstance(node, ast.ImportFrom) else node.names[0].name)
        for module, tree in TREES.items()
        if level(module) <= PURE_UP_TO
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert [(m, name) for m, name in foreign if (name or "").split(".")[0] not in allowed] == []

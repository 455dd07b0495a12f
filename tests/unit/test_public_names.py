from __future__ import annotations

import ast
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import pytest
from unit.samples import MODULES, TREES

WITH_NAMES = [
    name
    for name, tree in TREES.items()
    if any(
        isinstance(target, ast.Name) and target.id == "__all__"
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
    )
]

TAKEN: dict[str, set[str]] = defaultdict(set)
"""Name of a module → what others take from it."""

for each in TREES.values():
    for node in ast.walk(each):
        if isinstance(node, ast.ImportFrom) and node.module:
            TAKEN[node.module].update(alias.name for alias in node.names)


def public_definitions(module: str) -> set[str]:
    """Classes and functions of a module that do not begin with an underscore."""
    return {
        node.name
        for node in TREES[module].body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
    }


@pytest.mark.parametrize("name", WITH_NAMES)
def test_the_list_of_public_names_is_sorted(name: str) -> None:
    listed = import_module(name).__all__
    assert sorted(listed, key=sort_key) == list(listed)
    assert len(set(listed)) == len(listed)


def sort_key(name: str) -> tuple[int, str]:
    """CONSTANTS, Classes, functions, as ruff has it."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("name", WITH_NAMES)
def test_every_public_name_exists(name: str) -> None:
    module = import_module(name)
    assert [public for public in module.__all__ if not hasattr(module, public)] == []


@pytest.mark.parametrize("name", WITH_NAMES)
def test_nothing_is_imported_from_elsewhere_that_is_not_public_there(name: str) -> None:
    """A name that another module of the package takes is a public one, or a public definition."""
    public = {*import_module(name).__all__, *public_definitions(name), *constants(name)}
    submodules = {module.rpartition(".")[2] for module in MODULES if module.startswith(f"{name}.")}
    assert TAKEN[name] - submodules <= public


def constants(module: str) -> set[str]:
    """Upper-case names of a module."""
    return {
        target.id
        for node in TREES[module].body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.isupper()
    }


def test_every_module_that_defines_anything_public_lists_its_names() -> None:
    ours = [name for name in MODULES if ".blender.inside" not in name]  # that is Blender's Python
    silent = [name for name in ours if name not in WITH_NAMES and public_definitions(name)]
    assert silent == []


def test_the_version_is_the_one_of_the_package() -> None:
    import mpirender

    project = (Path(mpirender.__file__).parents[1] / "pyproject.toml").read_text()
    assert f'version = "{mpirender.__version__}"' in project

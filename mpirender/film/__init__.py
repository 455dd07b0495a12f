"""Job files: film.toml becomes shots and movies, checked.

`film.schema.json` beside this file is the published schema (JSON Schema, draft 2020-12), and the
only place that knows the keys, types and defaults: ``schema`` checks by it, ``read`` makes the
``model`` of what has passed.
"""

from __future__ import annotations

from mpirender.film.model import Film, MovieSpec, Shot
from mpirender.film.read import read_film

__all__ = ["Film", "MovieSpec", "Shot", "read_film"]

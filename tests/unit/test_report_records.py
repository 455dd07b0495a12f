from __future__ import annotations

import json
from dataclasses import replace

import pytest
from unit.runs import attempt, report, run

from mpirender.errors import UsageError
from mpirender.report.records import (
    FAILED,
    RENDER,
    PieceRecord,
    WorkRecord,
    from_json,
    to_json,
)

REPORT = report(
    [
        run(attempt(0, 1, 9), attempt(1, 0.1, 0.3, outcome=FAILED), ranks=2, repeat=0),
        replace(
            run(attempt(0, 2, 3), pictures="other"),
            work=WorkRecord(2, 3, 0, streams=True),
            pieces=(PieceRecord(0, (1, 2), 0.5), PieceRecord(0, (), 2.0)),
        ),
    ],
    RENDER,
)


def test_what_is_written_down_is_read_back_the_same() -> None:
    assert from_json(to_json(REPORT)) == REPORT


def test_results_tell_their_version_and_are_complete() -> None:
    read = json.loads(to_json(REPORT))
    assert read["version"] == 2
    assert read["setting"]["scene_hash"] == "0123"
    assert [len(each["attempts"]) for each in read["runs"]] == [2, 1]
    assert read["runs"][0]["attempts"][0]["last_pixel"] == 7


def test_warm_ups_are_kept_and_not_counted() -> None:
    assert [each.repeat for each in REPORT.runs] == [0, 1]
    assert [each.repeat for each in REPORT.counted] == [1]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', '{"version": 1, "setting": 3}'])
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not the results"):
        from_json(text)


def test_a_newer_version_is_refused_by_its_number() -> None:
    newer = json.dumps({**json.loads(to_json(REPORT)), "version": 3})
    with pytest.raises(UsageError, match="results of version 3, expected 2"):
        from_json(newer)


def test_results_of_the_first_version_are_read_without_what_they_lack() -> None:
    old = json.loads(to_json(REPORT))
    for each in old["runs"]:
        del each["work"], each["pieces"]
    read = from_json(json.dumps({**old, "version": 1}))
    assert [(each.work, each.pieces) for each in read.runs] == [(None, ())] * 2

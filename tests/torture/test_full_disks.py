"""A disk that fills somewhere in a run: it is told in a line, and the run can be finished when there is space again."""

import pytest
from torture.test_kills import Case

EVERY = ("start", "checkpoint", "checkpoint's tree", "bytes", "metrics", "sync", "best", "figure", "report", "closing")


def fill(tmp_path, places, name):
    case = Case.of(name, tmp_path / "whole")
    for site in places:
        assert case.filled(tmp_path / site, site, (case.count[site] + 1) // 2) == []


def test_a_run_on_a_full_disk_is_finished_later(tmp_path):
    fill(tmp_path, ("step",), "least damping")


@pytest.mark.slow
def test_runs_on_disks_that_fill_anywhere_are_finished_later(tmp_path):
    fill(tmp_path, EVERY, "figures")

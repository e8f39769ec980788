"""A disk that fills somewhere in a run: it is told in a line, and the run can be finished when there is space again."""

import pytest
from torture.test_kills import CASES, TINY, difference, fingerprint
from torture.victim import FULL, OUTPUT, Blow, calls, run

PLACES = ("step",)
EVERY = ("start", "checkpoint", "checkpoint's tree", "bytes", "metrics", "sync", "best", "figure", "report", "closing")


def fill(tmp_path, places, case):
    words = (*TINY, *CASES[case])
    (tmp_path / "whole").mkdir()
    assert run(tmp_path / "whole", words) == 0
    whole, count = fingerprint(tmp_path / "whole" / "run"), calls(tmp_path / "whole")
    for site in places:
        place = tmp_path / site
        place.mkdir()
        status = run(place, words, Blow(site, (count[site] + 1) // 2, FULL))
        said = (place / OUTPUT).read_text()
        assert "Traceback" not in said, said
        assert status == 0 or "error: cannot write run/solution.h5: [Errno 27]" in said, f"{site}: {status}\n{said}"
        assert run(place, ["resume", "run"]) == 0, f"{site}\n{(place / OUTPUT).read_text()}"
        assert difference(fingerprint(place / "run"), whole) == [], site


def test_a_run_on_a_full_disk_is_finished_later(tmp_path):
    fill(tmp_path, PLACES, "trust region")


@pytest.mark.slow
def test_runs_on_disks_that_fill_anywhere_are_finished_later(tmp_path):
    fill(tmp_path, EVERY, "figures")

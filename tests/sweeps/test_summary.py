"""Rows, averages and arrays of a sweep."""

import h5py
import numpy as np
import pytest
import torch
import xarray

from pinn.basis.errors import UserError
from pinn.sweeps.grid import write_grid
from pinn.sweeps.records import JobRecord, Status, config_hash, read_record, records_below
from pinn.sweeps.sharing import cores, device_of_job, threads_of_job
from pinn.sweeps.summary import averages, job_rows
from pinn.sweeps.table import table_text


def row(job, w, seed, error, held_out, seconds, estimate=None, verdict="trusted"):
    known = {"error": error, "estimated_error": estimate, "lower_bound": None if estimate is None else estimate > 0.3}
    known |= {"residual": held_out, "held_out": held_out, "seconds": seconds, "verdict": verdict if held_out else None}
    return {"job": job, "w": w, "seed": seed, "status": "done" if held_out else "failed"} | known


ROWS = [
    row("0", 16, 0, 0.1, 1.0, 2.0, 0.2),
    row("1", 16, 1, 0.3, 2.0, 4.0, 0.4, "not solved"),
    row("2", 8, 0, None, None, 1.0),
    row("3", 8, 1, 0.05, 3.0, 3.0),
]


def test_averages_are_over_the_finished_jobs():
    small, large = averages(ROWS, ["w", "seed"])
    assert (small["w"], small["jobs"], small["done"], small["error"], small["spreads"]) == ("8", 2, 1, 0.05, {})
    assert large["error"] == pytest.approx(0.2, rel=1e-15)
    assert large["spreads"]["error"] == pytest.approx(np.std([0.1, 0.3], ddof=1), rel=1e-15)
    assert "2.00e-01 ± 1e-01" in table_text([small, large])
    assert (large["held_out"], large["seconds"]) == (1.5, 3.0)
    assert (large["estimated_error"], large["lower_bound"]) == (pytest.approx(0.3), True)
    assert (small["verdict"], large["verdict"]) == ("trusted", "1 trusted, 1 not solved")


def test_what_was_identified_stands_with_its_error():
    rows = [row(str(k), 8, k, 0.1, 1e-3, 1.0) | {"unknown_nu": 1.3 + 0.02 * k} for k in (0, 1)]
    rows = [found | {"standard_error_nu": 0.01} for found in rows]
    (mean,) = averages([*rows, row("2", 8, 2, 0.1, 1e-3, 1.0)], ["w", "seed"])
    assert mean["unknown_nu"] == pytest.approx(1.31) and mean["standard_error_nu"] == 0.01
    text = table_text([mean])
    assert "1.310 ± 0.010" in text and "nu" in text and "standard" not in text
    assert "1.00e-03 ± 0e+00" in text  # of the residual


def test_estimates_sort_what_has_no_error():
    rows = [row(str(k), k, 0, None, 1.0 / k, 1.0, 0.1 * k) for k in (3, 1, 2)]
    assert [found["w"] for found in averages(rows, ["w"])] == ["1", "2", "3"]
    assert averages([*rows, row("4", 4, 0, 9.0, 1.0, 1.0)], ["w"])[0]["w"] == "4"


def test_combinations_without_a_result_come_last():
    nothing = ROWS[2] | {"w": 4}
    assert [row["w"] for row in averages([nothing, *ROWS], ["w", "seed"])] == ["8", "16", "4"]


def test_a_grid_with_holes(tmp_path):
    path = write_grid(ROWS[:3], ["w", "seed"], tmp_path / "grid.h5")
    with xarray.open_dataset(path) as found:
        assert found.error.dims == ("w", "seed")
        assert found.w.values.tolist() == [8, 16]
        np.testing.assert_array_equal(found.error, [[np.nan, np.nan], [0.1, 0.3]])
        assert found.status.values.tolist() == [["failed", ""], ["done", "done"]]


def test_jobs_that_are_no_grid_are_one_dimension(tmp_path):
    rows = [{"job": str(k), "a": k / 7, "b": -k / 3, "error": 0.1 * k} for k in range(20)]
    path = write_grid(rows, ["a", "b"], tmp_path / "search.h5")
    with xarray.open_dataset(path) as found:
        assert found.error.dims == ("job",)
        np.testing.assert_array_equal(found.b, [-k / 3 for k in range(20)])


def test_a_key_with_a_slash_is_no_group(tmp_path):
    rows = [
        {"job": "0", "sampler/adaptation": "rad", "error": 0.1},
        {"job": "1", "sampler/adaptation": "r3", "error": 1},
    ]
    with h5py.File(write_grid(rows, ["sampler/adaptation"], tmp_path / "grid.h5")) as file:
        assert file["sampler.adaptation"].asstr()[()].tolist() == ["rad", "r3"]


def test_a_record_is_read_as_it_was_written(tmp_path):
    record = JobRecord("abc", {"seed": "1"}, Status.FAILED, "it broke", True, "Traceback", 2.5)
    record.save(tmp_path)
    assert read_record(tmp_path) == record
    (tmp_path / "status.json").write_text('{"status": "done"')  # torn
    assert read_record(tmp_path) is None
    assert records_below(tmp_path) == {}


def test_a_job_whose_process_is_gone_was_interrupted(tmp_path):
    JobRecord("abc", {}).save(tmp_path)
    assert read_record(tmp_path).status is Status.RUNNING
    JobRecord("abc", {}, process=2**22 + 1).save(tmp_path)  # above the largest number that Linux gives
    assert read_record(tmp_path).status is Status.INTERRUPTED


def test_jobs_are_in_the_order_of_their_numbers(tmp_path):
    for job in (10, 2, 0):
        (tmp_path / str(job)).mkdir()
        JobRecord("abc", {"seed": str(job), "w": "1"}, Status.FAILED).save(tmp_path / str(job))
    rows, swept = job_rows(tmp_path)
    assert [row["job"] for row in rows] == ["0", "2", "10"]
    assert swept == ["seed"]
    assert [row["seed"] for row in rows] == [0, 2, 10]


def test_a_folder_without_jobs_is_a_mistake(tmp_path):
    with pytest.raises(UserError, match="no jobs of a sweep below"):
        job_rows(tmp_path)


def test_the_hash_goes_by_the_settings_alone():
    assert config_hash({"a": 1, "b": {"c": 2.0}}) == config_hash({"b": {"c": 2.0}, "a": 1})
    assert config_hash({"a": 1}) != config_hash({"a": 2})


def test_jobs_times_threads_are_the_cores():
    assert threads_of_job(1) == cores()
    assert threads_of_job(-1) == 1
    assert threads_of_job(cores() + 1) == 1
    assert threads_of_job(2, given=3) == 3


def test_devices_are_shared_out_by_the_jobs_number(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert [device_of_job("auto", number) for number in range(5)] == [f"cuda:{k}" for k in (0, 1, 2, 0, 1)]
    assert device_of_job("cpu", 1) == "cpu"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert device_of_job("auto", 1) == "auto"

"""Files that are whole or absent, and folders that one process holds."""

import multiprocessing
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from pinn.basis.disk import LOCK, held, remove_stale, replacing, write_text
from pinn.basis.errors import UserError
from pinn.solution_file.new import new_file


def test_what_cannot_be_written_in_utf_8_is_a_question_mark(tmp_path):
    assert write_text(tmp_path / "a.txt", "a\udcf5b").read_text(encoding="utf-8") == "a?b"


def test_a_name_is_given_to_what_is_on_the_disk(tmp_path, monkeypatch):
    """The content is synced before the rename, the folder after it."""
    done = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: done.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("rename"), replace(a, b)))
    write_text(tmp_path / "a.txt", "text")
    assert [name if name == "rename" else name.rpartition("/")[2] for name in done] == [
        f".a.txt.{os.getpid()}.tmp",
        "rename",
        tmp_path.name,
    ]
    assert sync is not os.fsync


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(UserError, match=r"cannot write .*a.txt: no space"), replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
        raise OSError("no space")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


FULL = """
import resource, sys, gc
import h5py, numpy as np
from pathlib import Path
from pinn.basis.errors import UserError
from pinn.solution_file.new import new_file
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with new_file(Path(sys.argv[1])) as file:
        for k in range(4):
            array = file.create_dataset(f"group/{k}", (40, 5000), "f8", chunks=(4, 5000), compression="gzip")
            array[...] = np.random.default_rng(k).random((40, 5000))
            array[:4]
except UserError as error:
    print("told:", error)
gc.collect()
"""


@pytest.mark.parametrize("limit", [100, 500_000, 3_000_000])
def test_a_full_disk_is_told_once_and_ends_nothing_else(tmp_path, limit):
    """At the head, in the arrays, and at the end: h5py's own file prints tracebacks there, or ends the process."""
    ran = subprocess.run([sys.executable, "-c", FULL, tmp_path / "a.h5", str(limit)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert ran.stdout.startswith(f"told: cannot write {tmp_path / 'a.h5'}: [Errno 27] File too large")
    assert list(tmp_path.iterdir()) == []


def test_a_file_holds_what_was_written(tmp_path):
    values = np.arange(12.0).reshape(3, 4)
    with new_file(tmp_path / "a.h5") as file:
        file["x"] = values
        layout = h5py.VirtualLayout((12,), dtype=float)
        layout[:] = h5py.VirtualSource(file["x"])
        file.create_virtual_dataset("flat", layout)
    (tmp_path / "a.h5").rename(tmp_path / "b.h5")
    with h5py.File(tmp_path / "b.h5") as file:
        np.testing.assert_array_equal(file["flat"], values.ravel())


def test_an_error_of_the_writer_is_its_own(tmp_path):
    with pytest.raises(KeyError, match="mine"), new_file(tmp_path / "a.h5"):
        raise KeyError("mine")
    assert list(tmp_path.iterdir()) == []


HOLD = """
import sys, time
from pathlib import Path
from pinn.basis.disk import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_is_held_by_one_process_until_it_dies(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=f"is in use by process {other.pid} on "), held(tmp_path):
            pass
        other.kill()
        other.wait()
    with held(tmp_path), pytest.raises(UserError, match=f"in use by process {os.getpid()} "), held(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_dead_processes_left_is_removed(tmp_path):
    gone = multiprocessing.get_context("spawn").Process(target=print)
    gone.start()
    gone.join()
    (tmp_path / "figures").mkdir()
    names = [f".solution.h5.{gone.pid}.tmp", f"figures/.map.png.{gone.pid}.tmp"]
    kept = [f".solution.h5.{os.getpid()}.tmp", "solution.h5", ".tmp"]
    for name in (*names, *kept):
        (tmp_path / name).touch()
    remove_stale(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


def test_nothing_is_written_through_a_link_of_a_folder_from_elsewhere(tmp_path):
    own, folder = tmp_path / "own", tmp_path / "run"
    own.write_text("own")
    folder.mkdir()
    for name in (LOCK, f".a.txt.{os.getpid()}.tmp"):
        (folder / name).symlink_to(own)
    write_text(folder / "a.txt", "text")
    with pytest.raises(UserError, match="cannot write to the folder"), held(folder):
        pass
    assert own.read_text() == "own"
    assert (folder / "a.txt").read_text() == "text"

"""A folder that cannot be written, and fewer open files than a run needs: a line says so, and nothing is lost."""

import ctypes
import os
import re
import shutil
import subprocess
import sys

import pytest
from torture.commands import SMALL, forked

OWN_MOUNTS = 0x20000  # CLONE_NEWNS: mounts that no other process sees


def read_only() -> None:
    """The folder `run` cannot be written to by this process: root, whom no permissions bind, has it mounted so."""
    if os.geteuid() > 0:
        for folder, _, files in os.walk("run"):
            for path in (folder, *(os.path.join(folder, name) for name in files)):
                os.chmod(path, os.stat(path).st_mode & ~0o222)
        return
    assert ctypes.CDLL(None).unshare(OWN_MOUNTS) == 0
    for words in (["--make-rprivate", "/"], ["--bind", "run", "run"], ["-o", "remount,ro,bind", "run"]):
        subprocess.run(["mount", *words], check=True)


@pytest.fixture(scope="module")
def _can_be_read_only():
    words = ["unshare", "-m", "mount", "--bind", "/tmp", "/tmp"]
    allowed = os.name == "posix" and (os.geteuid() > 0 or subprocess.run(words, capture_output=True).returncode == 0)
    if not allowed:
        pytest.skip("root without the right to mount")


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("_can_be_read_only")
@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("resume", "cannot write run/pinn.log: .*; resume needs to write to the run's folder"),
        ("report", "cannot write run/report.html: .*; choose another folder or free the space"),
        ("plot", "cannot write run/figures/.*; choose another folder or free the space"),
        ("csv", "cannot write run/solution.csv: .*; choose another folder or free the space"),
    ],
)
def test_a_run_that_cannot_be_written_is_left_as_it_is(honest, tmp_path, command, told):
    folder = shutil.copytree(honest, tmp_path / "case")
    before = files(folder / "run")
    status, said, *_ = forked(command, folder, read_only)
    assert status == 2, said
    assert len(said.splitlines()) == 1
    assert re.fullmatch(f"error: (run/solution.h5: )?{told}", said.strip()), said
    assert files(folder / "run") == before


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="there is no compiler")
def test_too_few_open_files_for_the_compiler_are_told_in_a_line(tmp_path):
    """A command of its own: the modules that torch's compiler loads are not loaded yet."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12)); "
        "from pinn.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = [word for word in SMALL if not word.startswith("compile=")]
    ran = subprocess.run(
        [sys.executable, "-c", code, *words, "compile=auto", "hydra.run.dir=run"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 1, ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    said = [line for line in ran.stderr.splitlines() if line.startswith("error: ")]
    assert len(said) == 1
    assert said[0].startswith("error: too many open files: raise the limit, such as by ulimit -n 1024")

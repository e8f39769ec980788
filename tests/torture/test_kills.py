"""Runs that are killed anywhere, or whose disk is full from there on, and continued.

None is lost, and none ends otherwise than one that was left alone.

`PINN_KILLS` is the number of kills of each case (default 1; 40 where slow tests run), `PINN_SEED` chooses them.
"""

import json
import os
import random
import signal
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from torture.victim import FULL, OUTPUT, Blow, calls, run

SEED = int(os.environ.get("PINN_SEED", "0"))
TINY = (
    *("training.held_out=20", "training.check_every=3", "sampler.interior=40", "sampler.boundary=10"),
    *("training.time_limit=null", "training.checkpoint_seconds=0", "output.resolution=9", "output.estimate=false"),
    *("compile=never", "hydra.run.dir=run"),
)
SMALL = ("network.width=4", "network.depth=1", "output.figures=false")
CASES = {
    "trust region": (*SMALL, "problem=burgers", "optimizer=trust_region", "training.steps=6", "sampler.redraw_every=2"),
    "figures": ("network.width=4", "problem=heat", "optimizer=levenberg_marquardt", "training.steps=3"),
    "adam": (*SMALL, "problem=poisson_2d", "optimizer=adam", "training.steps=6", "sampler/adaptation=rad"),
    "soap": (*SMALL, "problem=heat", "optimizer=soap", "training.steps=6"),
    "lbfgs": (*SMALL, "problem=heat", "optimizer=lbfgs", "training.steps=6"),
    "windows": (*SMALL, "problem=burgers", "optimizer=trust_region", "training.steps=3", "training.windows=3"),
    "windows as solved": (
        *SMALL,
        "problem=reaction",
        "optimizer=ssbroyden",
        "training.steps=30",
        "training.windows=auto",
        "training.checkpoint_seconds=0.1",
    ),
    "auto": ("problem=heat", "optimizer=auto", "output.figures=false", "training.tolerance=1e-5"),
}
FAST = ("windows",)
HITS = (FULL, signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def fingerprint(folder: Path) -> dict[str, bytes]:
    """All that a run leaves but times, by name."""
    found = {}

    def add(name, node):
        if isinstance(node, h5py.Dataset) and "seconds" not in name and name != "config":
            found[name] = np.asarray(node[()]).tobytes() if node.dtype.kind != "O" else str(node[()]).encode()

    with h5py.File(folder / "solution.h5") as file:
        file.visititems(add)
        found |= {name: str(file.attrs.get(name)).encode() for name in ("status", "outcome", "window_ends", "problem")}
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        record = json.loads(line)
        found[f"metrics of {record['step']}"] = str({k: v for k, v in record.items() if "seconds" not in k}).encode()
    return found | {f"file {path.relative_to(folder)}": b"" for path in folder.rglob("*") if path.suffix != ".log"}


def finish(place: Path, words: tuple[str, ...], blow: Blow | None = None) -> int:
    """Continue what there is, or start again where nothing is."""
    if (place / "run" / ".hydra" / "overrides.yaml").exists():
        return run(place, ["resume", "run"], blow)
    return run(place, words, blow)


def difference(found: dict[str, bytes], whole: dict[str, bytes]) -> list[str]:
    return sorted(name for name in found.keys() | whole.keys() if found.get(name) != whole.get(name))


def struck(rng: random.Random, count: dict[str, int], number: int) -> Blow:
    """A signal anywhere in the command."""
    site = rng.choice(sorted(count))
    times = 1 if number in (FULL, signal.SIGKILL) else rng.choice((1, 1, 2))
    return Blow(site, rng.randint(1, count[site]), number, times)


def torture(tmp_path: Path, case: str, kills: int) -> None:
    words = (*TINY, *CASES[case])
    (tmp_path / "whole").mkdir()
    assert run(tmp_path / "whole", words) == 0, (tmp_path / "whole" / OUTPUT).read_text()
    whole, count = fingerprint(tmp_path / "whole" / "run"), calls(tmp_path / "whole")
    rng, bad = random.Random(f"{case} {SEED}"), []
    for number in range(kills):
        place = tmp_path / str(number)
        place.mkdir()
        blow = struck(rng, count, rng.choice(HITS))
        blows, status = [blow], run(place, words, blow)
        while rng.random() < 0.3:  # a kill of the continuation
            blows.append(struck(rng, count, rng.choice(HITS)))
            status = finish(place, words, blows[-1])
        told = f"{case}, seed {SEED}, {number}: {blows}: status {status}"
        sys.stdout.write(f"{told}\n")
        if status not in (0, 2, -9, 130, 143) or (status == 2 and blows[-1].number != FULL):
            bad.append(f"{told}, not the signal's\n{(place / OUTPUT).read_text()[-2000:]}")
        status = finish(place, words)
        if status != 0:
            bad.append(f"{told}, then {status}\n{(place / OUTPUT).read_text()[-2000:]}")
            continue
        if "Traceback" in (place / OUTPUT).read_text():
            bad.append(f"{told}: a traceback\n{(place / OUTPUT).read_text()[-2000:]}")
        changed = difference(fingerprint(place / "run"), whole)
        if changed:
            bad.append(f"{told}: other {', '.join(changed[:8])}")
    assert not bad, f"{len(bad)} of {kills}:\n" + "\n".join(bad)


@pytest.mark.parametrize("case", FAST)
def test_a_killed_run_is_finished_as_if_it_had_not_been(tmp_path, case):
    torture(tmp_path, case, int(os.environ.get("PINN_KILLS", "1")))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_runs_killed_many_times_are_finished_as_if_they_had_not_been(tmp_path, case):
    torture(tmp_path, case, int(os.environ.get("PINN_KILLS", "40")))

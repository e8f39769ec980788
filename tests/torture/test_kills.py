"""Runs that are killed anywhere, or whose disk is full from there on, and continued.

None is lost, and none ends otherwise than one that was left alone.

`PINN_KILLS` is the number of kills of each case (default 1; 10 where slow tests run), `PINN_SEED` chooses them; many
more, in several processes, by `python -m torture` in the folder of the tests.
"""

import json
import os
import random
import signal
import sys
from dataclasses import dataclass
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
CONFIGURED = str(Path(__file__).with_name("conf"))
BRIEF = (*SMALL, "problem=heat", "training.steps=6")
CASES = {
    "trust region": (*SMALL, "problem=burgers", "optimizer=trust_region", "training.steps=12"),
    "least damping": (
        *SMALL,
        "problem=burgers",
        "optimizer=least_damping",
        "training.steps=6",
        "sampler.redraw_every=2",
    ),
    "figures": ("network.width=4", "problem=heat", "optimizer=levenberg_marquardt", "training.steps=3"),
    "adam": (*SMALL, "problem=poisson_2d", "optimizer=adam", "training.steps=6", "sampler/adaptation=rad"),
    **{
        name.replace("_", " "): (*BRIEF, f"optimizer={name}")
        for name in ("soap", "muon", "lbfgs", "natural_gradient", "spring", "ssbroyden", "variable_projection")
    },
    "linear": ("problem=heat", "optimizer=linear", "output.figures=false", "network.width=30"),
    "two stages": (*SMALL, "problem=heat", "--config-dir", CONFIGURED, "optimizer=two_stages"),
    **{
        name: (*BRIEF, "optimizer=least_damping", "sampler.redraw_every=2", f"sampler/adaptation={name}")
        for name in ("r3", "rar", "attention", "flow")
    },
    "windows": (*SMALL, "problem=burgers", "optimizer=least_damping", "training.steps=3", "training.windows=3"),
    "windows as solved": (
        *SMALL,
        "problem=reaction",
        "optimizer=ssbroyden",
        "training.steps=30",
        "training.windows=auto",
        "training.checkpoint_seconds=0.1",
    ),
    "spectral windows": (
        *("problem=burgers", "problem.nu=0.1", "network=spectral", "network.width=60", "optimizer=linear"),
        *("initial_guess=features", "training.windows=auto", "output.figures=false"),
    ),
    "auto": ("problem=heat", "optimizer=auto", "output.figures=false", "training.tolerance=1e-5"),
    "two devices": (*BRIEF, "optimizer=least_damping", "devices=2"),
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


@dataclass(frozen=True)
class Case:
    """A command, what it leaves where nothing hits it, and how often each site is called in it."""

    name: str
    words: tuple[str, ...]
    whole: dict[str, bytes]
    count: dict[str, int]

    @classmethod
    def of(cls, name: str, folder: Path) -> "Case":
        """By running it once in a folder."""
        words = (*TINY, *CASES[name])
        folder.mkdir()
        assert run(folder, words) == 0, (folder / OUTPUT).read_text()
        return cls(name, words, fingerprint(folder / "run"), calls(folder))

    def killed(self, place: Path, rng: random.Random) -> list[str]:
        """Kill it, perhaps its continuation, too, and let it end: what was wrong."""
        place.mkdir()
        blow = struck(rng, self.count, rng.choice(HITS))
        blows, status = [blow], run(place, self.words, blow)
        while rng.random() < 0.3:  # a kill of the continuation
            blows.append(struck(rng, self.count, rng.choice(HITS)))
            status = finish(place, self.words, blows[-1])
        told, bad = f"{self.name}: {blows}: status {status}", []
        if status not in (0, 2, -9, 130, 143) or (status == 2 and blows[-1].number != FULL):
            bad.append(f"{told}, not the signal's\n{said(place)}")
        return bad + self._ended(place, told)

    def filled(self, place: Path, site: str, call: int) -> list[str]:
        """Run it on a disk that is full from a call of a site on, and end it when there is space: what was wrong."""
        place.mkdir()
        status, bad = run(place, self.words, Blow(site, call, FULL)), []
        told = f"{self.name}, full at {site} {call}: status {status}"
        line = "error: cannot write "
        if status not in (0, 2) or (status == 2 and said(place).count(line) != 1):
            bad.append(f"{told}\n{said(place)}")
        return bad + self._ended(place, told)

    def _ended(self, place: Path, told: str) -> list[str]:
        status = finish(place, self.words)
        if status != 0:
            return [f"{told}: unfinished, status {status}\n{said(place)}"]
        bad = [f"{told}: a traceback\n{said(place)}"] if "Traceback" in said(place) else []
        changed = difference(fingerprint(place / "run"), self.whole)
        return bad + ([f"{told}: different {', '.join(changed[:8])}"] if changed else [])


def said(place: Path) -> str:
    """What the commands there have said last."""
    return (place / OUTPUT).read_text()[-2000:]


def torture(tmp_path: Path, name: str, kills: int) -> None:
    case, rng, bad = Case.of(name, tmp_path / "whole"), random.Random(f"{name} {SEED}"), []
    for number in range(kills):
        bad += case.killed(tmp_path / str(number), rng)
    sys.stdout.write(f"{name}, seed {SEED}: {kills} kills, {len(bad)} bad\n")
    assert not bad, f"{len(bad)} of {kills}:\n" + "\n".join(bad)


@pytest.mark.parametrize("case", FAST)
def test_a_killed_run_is_finished_as_if_it_had_not_been(tmp_path, case):
    torture(tmp_path, case, int(os.environ.get("PINN_KILLS", "1")))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_runs_killed_many_times_are_finished_as_if_they_had_not_been(tmp_path, case):
    torture(tmp_path, case, int(os.environ.get("PINN_KILLS", "10")))

"""Many kills, full disks and damaged files in several processes, and a table: `python -m torture --kills 1000 ...`.

In the folder of the tests, or with it on PYTHONPATH. Ends with status 1 where anything went wrong. Where the seconds
are over, nothing more is begun, and the table says how much was done of what was asked.
"""

import argparse
import contextlib
import io
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import chain, cycle, islice, zip_longest
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="torture-")  # the key of seals; the user's is left alone

from torture.commands import COMMANDS, OF_FILE, make_honest
from torture.test_files import cut, torture
from torture.test_full_disks import EVERY
from torture.test_hostile import ATTACKS, attacked
from torture.test_kills import CASES, Case

CUTS = 100  # of each file


@dataclass(frozen=True)
class Task:
    """Something to try in a new folder: what is wrong, a line each. kind, name: its row of the table."""

    kind: str
    name: str
    try_it: Callable[..., list[str]]
    given: tuple

    def run(self, folder: Path, ends: float) -> tuple["Task", list[str] | None]:
        """In a process of its own; None where it is too late to begin."""
        if time.time() > ends:
            return self, None
        try:
            wrong = self.try_it(folder, *self.given)
        except Exception as error:
            wrong = [f"{self.kind}, {self.name}: {type(error).__name__}: {error}"]
        if not wrong:
            shutil.rmtree(folder, ignore_errors=True)
        return self, wrong


def honest_one(folder: Path) -> Path:
    with contextlib.redirect_stdout(io.StringIO()):
        return make_honest(folder)


def whole(folder: Path, name: str) -> Case:
    return Case.of(name, folder)


def kill(folder: Path, case: Case, seed: str) -> list[str]:
    return case.killed(folder, random.Random(seed))


def fill(folder: Path, case: Case, site: str, call: int) -> list[str]:
    return case.filled(folder, site, call)


def damage(folder: Path, honest: Path, name: str, seed: str) -> list[str]:
    folder.mkdir()
    with contextlib.redirect_stdout(io.StringIO()):
        return torture(honest, folder, name, 1, random.Random(seed), 4)


def attack(folder: Path, honest: Path, name: str) -> list[str]:
    folder.mkdir()
    attacked(honest, folder, name, ["load", *COMMANDS])
    return []


def tasks(cases: list[Case], honest: Path, given: argparse.Namespace) -> Iterator[Task]:
    """The kinds by turns, so that each has its share where time is short."""
    seed, rng = given.seed, random.Random(given.seed)
    kills = (
        Task("kill", case.name, kill, (case, f"{case.name} {seed} {number}"))
        for number, case in enumerate(islice(cycle(cases), given.kills))
    )
    places = [(case, site) for site in EVERY for case in cases if case.count.get(site)]
    rng.shuffle(places)
    full = [
        Task("full disk", case.name, fill, (case, site, rng.randint(1, case.count[site])))
        for case, site in islice(cycle(places), given.full)
    ]
    files = (
        Task("damaged file", name, damage, (honest, name, f"{name} {seed} {number}"))
        for number, name in enumerate(islice(cycle(OF_FILE), given.files))
    )
    cuts = (Task("cut file", name, cut, (honest, name, k / CUTS)) for k in range(CUTS) for name in OF_FILE)
    attacks = (Task("attack", name, attack, (honest, name)) for name in ATTACKS)
    short = chain(full, attacks, cuts) if given.files else iter(full)
    yield from filter(None, chain.from_iterable(zip_longest(kills, files, short)))


def main() -> int:
    parser = argparse.ArgumentParser(prog="torture", description=__doc__.partition("\n")[0])
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--files", type=int, default=1000, help="damaged ones; 0 leaves out cut and hostile ones, too")
    parser.add_argument("--full", type=int, default=50, help="full disks")
    parser.add_argument("--seconds", type=float, default=540.0, help="after which nothing is begun")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    given = parser.parse_args()
    started, folder = time.time(), Path(tempfile.mkdtemp(prefix="torture-"))
    asked, done, bad, wrong = Counter(), Counter(), Counter(), []
    with ProcessPoolExecutor(given.processes) as pool:
        honest = pool.submit(honest_one, folder / "honest")
        whole_runs = {
            name: pool.submit(whole, folder / f"whole {number}", name) for number, name in enumerate(given.cases)
        }
        cases = []
        for name, run in whole_runs.items():
            try:
                cases.append(run.result())
            except AssertionError as error:
                wrong.append(f"{name} does not run: {error}")
        sys.stdout.write(f"seed {given.seed}: {len(cases)} whole runs after {time.time() - started:.0f} s\n")
        ends = started + given.seconds
        running = [
            pool.submit(task.run, folder / str(number), ends)
            for number, task in enumerate(tasks(cases, honest.result(), given))
        ]
        for one in as_completed(running):
            task, found = one.result()
            row = (task.kind, task.name if task.kind in ("kill", "full disk") else "")
            asked[row] += 1
            done[row] += found is not None
            bad[row] += bool(found)
            for line in found or ():
                wrong.append(line)
                sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"\n{'':14}{'':24}{'asked':>7}{'done':>7}{'wrong':>7}\n")
    for row in sorted(asked):
        sys.stdout.write(f"{row[0]:14}{row[1]:24}{asked[row]:7}{done[row]:7}{bad[row]:7}\n")
    unfinished, different = (sum(word in line for line in wrong) for word in (": unfinished", ": different"))
    total = f"{sum(done.values())} of {sum(asked.values())} in {time.time() - started:.0f} s"
    sys.stdout.write(f"{total}: {len(wrong)} wrong, of which {unfinished} unfinished and {different} different\n")
    if wrong:
        sys.stdout.write(f"what went wrong is left in {folder}\n")
    else:
        shutil.rmtree(folder)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

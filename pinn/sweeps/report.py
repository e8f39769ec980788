"""The page of several runs: by problem, tables to be sorted, errors against what was varied, the best run's command."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from pinn.basis.disk import write_text
from pinn.report.page import FILE_NAME as PAGE
from pinn.report.page import Picture, command, environment, picture
from pinn.report.record import OVERRIDES, overrides_in
from pinn.report.style import image
from pinn.solution_file.contents import FILE_NAME
from pinn.solution_file.reading import PathLike
from pinn.sweeps.drawing import draw_group
from pinn.sweeps.records import read_record as read_job
from pinn.sweeps.runs import Group, read_groups


def write_sweep_report(folder: PathLike, target: PathLike | None = None) -> Path:
    """Write the page of all runs below a folder, `report.html` in it or `target`; the keys are those that differ.

    A best run is named where only the method's settings differ. Where the equation's own parameters do, the figure
    shows errors and results against these.

    Raises:
        UserError: there is no such folder or no finished run below it, or the page cannot be written.
    """
    root = Path(folder)
    target = root / PAGE if target is None else Path(target)
    groups = read_groups(root)
    runs = [run for group in groups for run in group.runs]
    page = (
        environment("pinn.sweeps")
        .get_template("sweep.html")
        .render(
            folder=str(root),
            groups=groups,
            count=len(runs),
            good=sum(run.word.is_good for run in runs),
            links={run.row["run"]: link(root / run.row["run"], target.parent) for run in runs},
            seconds=sum(run.row["wall_seconds"] or 0.0 for run in runs),
            best={group.problem: best(group) for group in groups},
            figures={group.problem: figure(group) for group in groups if group.keys},
            unfinished=unfinished(root),
        )
    )
    return write_text(target, page)


def best(group: Group) -> str | None:
    """The command of a group's best run, where there is such a thing and it is known."""
    overrides = group.runs[0].record.overrides
    return None if group.physical or overrides is None or len(group.runs) < 2 else command(overrides)


def figure(group: Group) -> Picture:
    """What was found against what was varied."""
    told = f"{group.measure} against what was varied. Blue: the runs. Orange: their medians."
    return picture(image(draw_group(group)), told[0].upper() + told[1:])


def link(run: Path, base: Path) -> str | None:
    """The address of a run's own page, relative to this one; None where it has none.

    It begins with a dot, so that no folder's name is taken for a scheme (`javascript:`) or another host.
    """
    page = run / PAGE
    return "./" + quote(Path(os.path.relpath(page, base)).as_posix()) if page.is_file() else None


def unfinished(root: Path) -> dict[str, tuple[str, str]]:
    """Folder -> command and error, where it is known, of the runs that left no solution."""
    folders = [path.parents[1] for path in sorted(root.rglob(str(OVERRIDES)))]
    without = [folder for folder in folders if not (folder / FILE_NAME).exists()]
    jobs = {folder: read_job(folder) for folder in without}
    return {
        str(folder.relative_to(root)): (command(overrides_in(folder) or ()), (job and job.error) or "")
        for folder, job in jobs.items()
    }

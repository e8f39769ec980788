"""Which rows of the residual a process takes."""

from collections.abc import Callable

from pinn.basis.errors import require
from pinn.distributed.team import Team
from pinn.sampling.points import Points, PointSet


def share(points: PointSet, team: Team, coupled: Callable[[str], bool]) -> PointSet:
    """The rows of this member: every `size`-th of each region, so that no one has the points of one corner.

    A region whose rows depend on each other's points (a mean, a flux) goes to one member whole, the regions in turn.
    Raises UserError where a member would have no row.
    """
    if team.size == 1:
        return points
    whole = {label: coupled(label) for label in points}
    most = max((len(found) for label, found in points.items() if not whole[label]), default=0)
    require(
        most >= team.size,
        f"{team.size} devices cannot share {most} points; draw more (sampler.interior) or set devices=1",
    )
    found: dict[str, Points] = {}
    for number, (label, all_rows) in enumerate(points.items()):
        first = (team.rank - number) % team.size  # the odd row goes to another member in each region
        if not whole[label] and first < len(all_rows):
            found[label] = all_rows[slice(first, None, team.size)]
        elif whole[label] and first == 0:
            found[label] = all_rows
    return found

"""Several processes that share the rows of one least-squares problem."""

from pinn.distributed.rendezvous import (
    Address,
    is_launched,
    joined,
    launched_device,
    launched_rank,
    launched_team,
    left,
    take_scheduled_rank,
)
from pinn.distributed.team import Alone, Ranks, Team
from pinn.distributed.triangles import gathered_factor, gathered_rows

__all__ = [
    "Address",
    "Alone",
    "Ranks",
    "Team",
    "gathered_factor",
    "gathered_rows",
    "is_launched",
    "joined",
    "launched_device",
    "launched_rank",
    "launched_team",
    "left",
    "take_scheduled_rank",
]

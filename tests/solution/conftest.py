"""What tests of a solution and of its file share."""

import numpy as np
import pytest
import torch
from solution.made import GRID, HISTORY, make_solution

from pinn.problems import Burgers


@pytest.fixture(scope="module")
def solution():
    torch.manual_seed(0)
    return make_solution(
        Burgers(),
        output=GRID,
        history=HISTORY,
        points={"interior": np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]), "x.min": np.zeros((0, 2))},
        configuration={"seed": 3, "output": GRID.configuration},
        attributes={"seed": 3, "status": "steps", "wall_seconds": 1.5, "converged": True},
    )


@pytest.fixture(scope="module")
def path(solution, tmp_path_factory):
    return solution.save(tmp_path_factory.mktemp("run"))

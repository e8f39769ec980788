"""Networks of one size and with hard conditions, whatever the machine's speed."""

import pytest

from pinn.networks.mlp import WIDTH


@pytest.fixture(autouse=True)
def of_one_size(request, monkeypatch):
    """Networks keep their width and conditions, but where that is what is tested."""
    if "seconds" not in request.fixturenames:
        monkeypatch.setattr("pinn.solving.by_network._width_within", lambda plan, seconds: WIDTH)
        monkeypatch.setattr("pinn.solving.by_network.better_constraints", lambda plan, seconds: "hard")

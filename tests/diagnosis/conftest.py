"""What tests of estimates share."""

import pytest


@pytest.fixture
def short_estimates(monkeypatch):
    """Estimates of so few seconds are of fewer points and features, which are enough for small problems."""
    monkeypatch.setattr("pinn.solving.examination.LEAST_SECONDS", 0.3)
    monkeypatch.setattr("pinn.solving.run.quick_trial", lambda *arguments: "")  # another method would solve some
    monkeypatch.setattr("pinn.solving.examination.bound_errors", lambda trial: None)  # of which no verdict speaks

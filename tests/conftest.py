"""Shared fixtures."""

import atexit
import logging
import math
import os
import shutil
import tempfile

# Before torch is loaded: threads that spin while they wait make the suite crawl on a machine with other work to do.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:  # as many processes as cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# The key by which a user's own runs are known is kept in the user's folders, which tests leave alone.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="pinn-state-")

import pytest
import torch

from pinn.solving.compilation import WORTHWHILE

atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _own_log():
    """Handlers that a command sets up write to the streams of its test, which are closed after it."""
    yield
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if type(handler) is logging.StreamHandler]:
        root.removeHandler(handler)


@pytest.fixture(autouse=True)
def _without_estimates(request, monkeypatch):
    """To examine a run takes a second or more, a test's training a fraction of one; `estimates` marks who wants it."""
    if request.node.get_closest_marker("estimates") is None:
        monkeypatch.setattr("pinn.solving.examination._asked", lambda *arguments: None)
    else:  # of fewer points and features than by default, which are enough for small problems
        monkeypatch.setattr("pinn.solving.examination.LEAST_SECONDS", 0.5)


@pytest.fixture(autouse=True, scope="session")
def _without_a_compiler():
    """A run without a limit of time compiles its functions, longer than tests train, also in fixtures of modules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pinn.solving.compilation.WORTHWHILE", math.nan)  # which no limit reaches
        yield


@pytest.fixture(autouse=True)
def _with_a_compiler(request, monkeypatch):
    """`compiled` marks who wants it."""
    if request.node.get_closest_marker("compiled") is not None:
        monkeypatch.setattr("pinn.solving.compilation.WORTHWHILE", WORTHWHILE)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)

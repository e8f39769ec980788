"""What tests of damaged, locked and hostile folders share."""

import pytest
from torture.commands import make_honest


@pytest.fixture(scope="session")
def honest(tmp_path_factory):
    """The folder of a finished run, `run`."""
    return make_honest(tmp_path_factory.mktemp("honest"))

"""A run that is damaged, locked or read by strangers."""

import pytest
from torture.test_files import SMALL

from pinn.cli import main


@pytest.fixture(scope="session")
def honest(tmp_path_factory):
    """The folder of a finished run, `run`."""
    folder = tmp_path_factory.mktemp("honest")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("pinn.solving.examination._asked", lambda *arguments: None)
        assert main([*SMALL, "hydra.run.dir=run"]) == 0
    (folder / "run" / "figures").mkdir()
    (folder / "run" / "figures" / "solution.png").write_bytes(b"")  # so that a page does not draw it
    (folder / "run" / "status.json").write_text(
        '{"config_hash": "0", "overrides": {"seed": "1"}, "status": "interrupted", "process": 1, "host": "there"}'
    )
    return folder

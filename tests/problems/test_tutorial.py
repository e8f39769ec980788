"""The notebook: it runs from top to bottom, and what is stored of it is small."""

from pathlib import Path

import nbformat
import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "problems" / "tutorial.ipynb"


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_outputs_are_kept_and_small(notebook):
    assert NOTEBOOK.stat().st_size < 200_000
    for cell in notebook.cells[2:]:
        if cell.cell_type == "code" and not cell.source.startswith("%matplotlib"):
            kinds = {output.output_type for output in cell.outputs}
            assert kinds <= {"stream", "execute_result", "display_data"}
            assert all(output.get("name") != "stderr" for output in cell.outputs)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # sockets that the kernel's client leaves open
def test_the_notebook_runs(notebook, tmp_path):
    """An error in a cell is raised; the last cell's fields agree between two runs that share the equations only."""
    client = pytest.importorskip("nbclient").NotebookClient
    resources = {"metadata": {"path": str(tmp_path)}}
    client(notebook, timeout=900, kernel_name="python3", resources=resources).execute()
    (told,) = (output for output in notebook.cells[-1].outputs if output.output_type == "execute_result")
    differences = eval(told.data["text/plain"])
    assert set(differences) == {"v", "w"}
    assert max(map(float, differences.values())) < 1e-3  # 4e-5

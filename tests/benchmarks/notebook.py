"""Runs problems/tutorial.ipynb and keeps its outputs, the pictures with 128 colors so that the file stays small.

python tests/benchmarks/notebook.py
"""

import base64
import io
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

NOTEBOOK = Path(__file__).resolve().parents[2] / "problems" / "tutorial.ipynb"


def small(picture: str) -> str:
    """A PNG in base 64 with 128 colors."""
    image, smaller = Image.open(io.BytesIO(base64.b64decode(picture))), io.BytesIO()
    image.convert("RGB").quantize(128, Image.Quantize.MAXCOVERAGE).save(smaller, format="PNG", optimize=True)
    return base64.b64encode(smaller.getvalue()).decode()


def main() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=900, kernel_name="python3").execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", ()):
                output.data["image/png"] = small(output.data["image/png"])
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    main()

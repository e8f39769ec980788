"""The figure of a solution, drawn from its file."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from pinn.report.lines import draw_distributions, draw_lines
from pinn.report.maps import draw_maps
from pinn.report.style import LARGE, headline, save
from pinn.solution_file.contents import Contents
from pinn.solution_file.reading import PathLike, locate, read


def draw_solution(solution: PathLike, figure: PathLike) -> Path:
    """Draw the fields, their reference and error where known, and the residuals; returns the figure's path.

    One dimension is drawn as lines, more as maps, nodes that are scattered as distributions.

    Args:
        solution: a solution file or its run's folder.
        figure: the figure's file, PNG or another format by its suffix; its folder is made.

    Raises:
        UserError: the solution cannot be read, or the figure not be written.
    """
    contents = read(locate(solution))
    return save(drawn(contents), contents, figure)


def plot(contents: Contents, figure: PathLike | None = None) -> Figure:
    """The figure of a solution in memory, saved where a path is given; raises UserError as `draw_solution`."""
    made = drawn(contents)
    if figure is None:
        made.suptitle(headline(contents), fontsize=LARGE, parse_math=False)
    else:
        save(made, contents, figure)
    return made


def drawn(contents: Contents) -> Figure:
    """The figure that suits the nodes."""
    if is_mapped(contents):
        return draw_maps(contents)
    return draw_lines(contents) if len(contents.coordinates) == 1 else draw_distributions(contents)


def is_mapped(contents: Contents) -> bool:
    """Whether maps show a solution: one on a grid or mesh of two dimensions or more."""
    nodes = contents.nodes
    if len(nodes.dimensions) == 1 and len(contents.coordinates) == 1:
        return False
    corners = 0 if nodes.cells is None else nodes.cells.shape[1]
    return not nodes.positions or corners >= 3

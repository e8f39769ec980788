"""An animation of a flow or a field in the plane."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from PIL import Image

from pinn.basis.disk import replacing
from pinn.report.fineness import finely
from pinn.report.maps import draw_map, proportion
from pinn.report.panels import Panel, Quantity, View, cut, field_quantities, has_flow, make_view, speed
from pinn.report.style import LARGE
from pinn.solution_file.contents import Contents
from pinn.solution_file.reading import PathLike

DPI = 100
FRAMES = 48
"""The most frames, evenly spread over the times of the file."""

PANELS = 3
SECONDS = 4.0
"""Of the whole animation; a frame is shown for at least 40 ms and at most 200 ms."""

BYTES = 1_500_000
"""Above this every second frame is left out, until it is small enough or there are few frames."""

FEW = 8
GRAYS, COLORS = 24, 228
"""Of the palette, which has 256 at most: those of text and lines, and those of all color maps together."""


def draw_animation(contents: Contents, figure: PathLike) -> Path | None:
    """Write the fields over the plane in the course of time as a GIF; for a flow its speed first.

    Every panel keeps its scale, which is symmetric where the field takes both signs. None where there is no time or
    the space has not two dimensions.

    Raises:
        UserError: it cannot be written.
    """
    if not is_plane_in_time(contents):
        return None
    shared = palette(contents)
    frames = [picture.quantize(palette=shared, dither=Image.Dither.NONE) for picture in pictures(contents)]
    content = encoded(frames)
    while len(content) > BYTES and len(frames) > FEW:
        frames = frames[::2]
        content = encoded(frames)
    path = Path(figure)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return path


def is_plane_in_time(contents: Contents) -> bool:
    """Whether there is time, and a grid or triangles in the plane."""
    nodes = contents.nodes
    if nodes.time is None or len(nodes.dimensions[nodes.time]) < 2:
        return False
    triangles = nodes.cells is not None and nodes.cells.shape[1] == 3 and len(nodes.positions) == 2
    return triangles or (not nodes.positions and len(nodes.space) == 2)


def palette(contents: Contents) -> Image.Image:
    """The colors of the maps and grays, the same for all frames: colors chosen for each would make it flicker."""
    quantities = moving_quantities(contents, view_at(contents, 0))
    names = sorted({quantity.scale.colors for quantity in quantities})
    maps = [colormaps[name](np.linspace(0, 1, COLORS // len(names)))[:, :3] for name in names]
    grays = np.linspace(0, 1, GRAYS)[:, None].repeat(3, axis=1)
    chosen = np.concatenate([grays, *maps])
    image = Image.new("P", (1, 1))
    image.putpalette((255 * chosen).round().astype(np.uint8).tobytes())
    return image


def pictures(contents: Contents) -> Iterator[Image.Image]:
    """The frames. The first one lays out the figure, the others replace the values."""
    times = contents.nodes.dimensions[str(contents.nodes.time)]
    shown = np.unique(np.linspace(0, len(times) - 1, min(FRAMES, len(times))).round().astype(int))
    views = [view_at(contents, int(k)) for k in shown]
    quantities = moving_quantities(contents, views[0])
    figure, images = first_frame(contents, quantities, views[0])
    canvas = FigureCanvasAgg(figure)
    for view in views:
        for image, quantity in zip(images, quantities, strict=True):
            set_values(image, cut(quantity, contents, view))
        figure.suptitle(clock(contents, view), fontsize=LARGE, parse_math=False)
        canvas.draw()
        figure.set_layout_engine("none")  # the axes stay where they are
        yield Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def view_at(contents: Contents, k: int) -> View:
    """The plane at the k-th time, parameters in their middle."""
    nodes = contents.nodes
    across, up = list(nodes.positions or reversed(nodes.space))
    middle = {name: len(values) // 2 for name, values in nodes.dimensions.items()}
    return make_view(contents, across, up, middle | {str(nodes.time): k})


def moving_quantities(contents: Contents, view: View) -> list[Quantity]:
    """What is shown: fields, before them the speed of a flow."""
    flow = [speed(contents)] if has_flow(contents, view) else []
    fields = [field_quantities(name, contents)[0] for name in contents.fields]
    return [Quantity(shown.title, shown.values, shown.scale) for shown in (*flow, *fields)][:PANELS]


def first_frame(contents: Contents, quantities: list[Quantity], view: View) -> tuple[Figure, list[Any]]:
    """The figure with a map a quantity, and the maps' images."""
    panels = [cut(quantity, contents, view) for quantity in quantities]
    ratio = proportion(panels[0], contents)
    width = 3.6 if len(panels) > 1 else 4.8
    height = 3.0 if ratio is None else 1.0 + min(ratio * (width - 1.3), 4.8)
    figure = Figure(figsize=(width * len(panels), height), dpi=DPI, layout="constrained")
    images = []
    for axes, panel, quantity in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, quantities, strict=True
    ):
        images.append(draw_map(figure, axes, panel, contents))
        axes.set_title(quantity.title, fontsize=LARGE, parse_math=False)
    return figure, images


def set_values(image: Any, panel: Panel) -> None:
    """Put a panel's values into an image that was drawn of another time."""
    if isinstance(image, AxesImage):
        image.set_data(finely(panel.values, panel.beyond))
    else:
        image.set_array(np.where(np.isfinite(panel.values), panel.values, 0.0))


def clock(contents: Contents, view: View) -> str:
    """`t = 0.25 s`, with the digits in which neighboring times differ."""
    name = str(contents.nodes.time)
    times = contents.nodes.dimensions[name]
    step = float(times[1] - times[0])
    digits = next((k for k in range(12) if abs(round(step, k) - step) < 0.05 * step), 12)
    unit = contents.units.get(name, "1")
    return f"{name} = {times[view.places[name]]:.{digits}f}" + ("" if unit in ("1", "") else f" {unit}")


def encoded(frames: list[Image.Image]) -> bytes:
    """The frames as an endless GIF."""
    content = io.BytesIO()
    duration = int(min(200.0, max(40.0, 1000 * SECONDS / len(frames))))
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:], duration=duration, loop=0)
    return content.getvalue()

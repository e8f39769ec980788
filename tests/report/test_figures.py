"""Figures: what is drawn, with which scales and labels, and that the picture is a picture."""

import functools
import itertools
import warnings
from typing import ClassVar

import h5py
import numpy as np
import pytest
import torch
from matplotlib.colors import Normalize, SymLogNorm
from matplotlib.image import imread

from pinn.basis.errors import UserError
from pinn.domains import Box, Time
from pinn.networks import MLP
from pinn.problem import Problem
from pinn.problems import Burgers
from pinn.report import figures, style
from pinn.report.figures import draw_solution
from pinn.report.panels import solution_panels
from pinn.report.scales import deviation_scale, field_scale, finite_range, typical_range
from pinn.report.training import training_figure
from pinn.residuals.residuals import Residuals
from pinn.solution import Output, Solution
from pinn.solution_file.reading import read
from pinn.terms import Interior
from pinn.trial.making import make_trial

STEPS = np.arange(1, 31)
HISTORY = {
    "step": STEPS,
    "seconds": 0.1 * STEPS,
    "loss": 10.0 ** (-STEPS / 10),
    "held_out": np.where(STEPS % 10 == 0, 3 * 10.0 ** (-STEPS / 10), np.nan),
    "error/u": np.where(STEPS % 10 == 0, 10.0 ** (-STEPS / 20), np.nan),
}


class Wave(Problem):
    """Two fields with an exact solution of the first, in any box.

    u is sin(x + ...), whatever the number of dimensions, and v is left to the network.
    """

    units: ClassVar = {"x": "m", "u": "m/s"}
    long_names: ClassVar = {"x": "position", "u": "velocity"}

    def __init__(self, space: str = "x", time: bool = True, fields: str = "uv", known: bool = True) -> None:
        box = Box(**{name if len(space) <= 3 else f"x_{name}": (0, 1) for name in space}) if space else None
        clock = Time(t=(0, 1))
        self.domain = (box * clock if time else box) if box else clock
        self.fields = tuple(fields)
        if known:
            self.exact = self._sine

    @staticmethod
    def _sine():
        return {"u": torch.tensor(0.5)}

    def terms(self):
        return {"second": Interior(self.second), "first": Interior(self.first)}

    def second(self, u):
        return u - 0.2

    def first(self, u):
        return u + 1.0


def save(problem, folder, resolution=9, history=HISTORY):
    torch.manual_seed(0)
    trial = make_trial(problem, functools.partial(MLP, width=6, depth=2))
    output = Output(resolution=resolution)
    attributes = {"wall_seconds": 12.3}
    solution = Solution(trial, Residuals(trial), history=history, output=output, attributes=attributes)
    return solution.save(folder / "solution.h5")


@pytest.fixture(scope="module")
def burgers(tmp_path_factory):
    return save(Burgers(), tmp_path_factory.mktemp("burgers"), {"x": 33, "t": 11})


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are drawn, as matplotlib's objects."""
    kept = []
    original = figures.save
    monkeypatch.setattr(figures, "save", lambda figure, *rest: (kept.append(figure), original(figure, *rest))[1])
    return kept


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def test_burgers_has_four_panels(burgers, tmp_path, drawn):
    path = draw_solution(burgers, tmp_path / "figures" / "solution.png")
    (figure,) = drawn
    maps = [axes for axes in figure.axes if axes.images]
    assert titles(figure) == ["u", "u, reference", "error of u", "residual of momentum"]
    assert [(axes.get_xlabel(), axes.get_ylabel()) for axes in maps] == [("x", "t")] * 4
    with h5py.File(burgers) as file:
        for axes, name in zip(maps, ("u", "reference/u", "error/u", "residual/momentum"), strict=True):
            image = axes.images[0]
            assert np.array_equal(image.get_array(), file[name])
            assert image.colorbar is not None
            assert image.origin == "lower"
            assert (axes.get_xlim(), axes.get_ylim()) == ((-1.0, 1.0), (0.0, 1.0))
            # 33 x 11 nodes in the middle of their pixels
            assert image.get_extent() == pytest.approx([-1 - 1 / 32, 1 + 1 / 32, -1 / 20, 1 + 1 / 20], abs=1e-14)
    assert maps[0].images[0].get_clim() == maps[1].images[0].get_clim()
    assert "relative L2 error: u" in figure.get_suptitle()
    assert "computed in 12 s" in figure.get_suptitle()
    picture = imread(path)
    assert picture.shape[1] >= 1400  # 7.2 inches at 200 dots
    assert picture.shape[0] < 1.1 * picture.shape[1]
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["solution.png"]


class Strip(Wave):
    """A domain that is drawn low: two by one."""

    def __init__(self) -> None:
        super().__init__("x", fields="u")
        self.domain = Box(x=(0, 2), y=(0, 1)) * Time(t=(0, 1))


@pytest.mark.parametrize("problem", [Burgers(), Wave("xy", time=False), Strip()])
def test_labels_of_a_panel_do_not_overlap(problem, tmp_path, drawn):
    draw_solution(save(problem, tmp_path), tmp_path / "solution.png")
    (figure,) = drawn
    renderer = figure.canvas.get_renderer()
    bars = [bar for axes in figure.axes for bar in axes.child_axes]
    assert len(bars) == len([axes for axes in figure.axes if axes.images])
    for axes in [*figure.axes, *bars]:
        for axis in (axes.xaxis, axes.yaxis):
            boxes = [label.get_window_extent(renderer) for label in axis.get_ticklabels() if label.get_text()]
            boxes = [box for box in boxes if box.width]
            for box, following in itertools.pairwise(boxes):
                assert not box.overlaps(following), f"{axes.get_title()}: {axis.axis_name}"


@pytest.mark.parametrize(
    ("problem", "rows"),
    [
        (Wave("x", fields="u", known=False), [["u", "second"], ["first"]]),
        (Wave("x"), [["u", "exact", "error"], ["v", "second", "first"]]),
        (Wave("xy", time=False), [["u", "exact", "error"], ["v", "second", "first"]]),
        (Wave("xyz", time=False, known=False), [["u (m/s), z = 0.5", "v, z = 0.5"], ["second", "first"]]),
        (
            Wave("xy", fields="u"),
            [
                ["u (m/s), t = 0", "t = 0", "error of u, t = 0", "second, t = 0", "first, t = 0"],
                ["t = 0.5"] * 5,
                ["t = 1"] * 5,
            ],
        ),
        (
            Wave("xyz"),
            [
                ["u (m/s), t = 0, z = 0.5", "t = 0.5, z = 0.5", "t = 1, z = 0.5", "error of u, t = 1, z = 0.5"],
                ["v, t = 0, z = 0.5", "t = 0.5, z = 0.5", "t = 1, z = 0.5"],
                ["second, t = 1, z = 0.5", "first, t = 1, z = 0.5"],
            ],
        ),
    ],
)
def test_rows_of_panels(problem, rows, tmp_path):
    contents = read(save(problem, tmp_path))
    panels = solution_panels(contents)
    assert [len(row) for row in panels] == [len(row) for row in rows]
    for row, words in zip(panels, rows, strict=True):
        for panel, word in zip(row, words, strict=True):
            assert word in panel.title
            assert panel.values.shape == (9, 9)


def test_a_cut_shows_its_time_and_depth(tmp_path):
    contents = read(save(Wave("xyz"), tmp_path, {"x": 5, "y": 4, "z": 3, "t": 7}))
    rows = solution_panels(contents)
    v = contents.fields["v"]
    for panel, moment in zip(rows[1], (0, 3, 6), strict=True):
        assert np.array_equal(panel.values, v[moment, 1])
        assert (panel.view.across, panel.view.up) == ("x", "y")


@pytest.mark.parametrize(
    ("problem", "labels"),
    [
        (Wave("x", time=False), {"position x (m)", "|error|", "|residual|"}),
        (Wave("", fields="uv"), {"t", "|error|", "|residual|"}),
        (Wave("x", time=False, known=False), {"position x (m)", "|residual|"}),
        (Wave("abcd", time=False), {"exact", "solution", "|error|", "|residual|", "nodes"}),
        (Wave("abcde", known=False), {"value", "|residual|", "nodes"}),
    ],
)
def test_lines_and_distributions(problem, labels, tmp_path, drawn):
    draw_solution(save(problem, tmp_path, 64), tmp_path / "figure.png")
    (figure,) = drawn
    found = {text for axes in figure.axes for text in (axes.get_xlabel(), axes.get_ylabel()) if text}
    assert found == labels
    assert imread(tmp_path / "figure.png").std() > 0.01


def test_lines_are_the_fields_and_the_reference(tmp_path, drawn):
    path = save(Wave("x", time=False), tmp_path, 50)
    draw_solution(path, tmp_path / "figure.png")
    lines = {line.get_label(): line.get_xydata() for line in drawn[0].axes[0].lines}
    with h5py.File(path) as file:
        assert np.array_equal(lines["velocity u (m/s)"], np.stack([file["x"], file["u"]], axis=1))
        assert np.array_equal(lines["v"][:, 1], file["v"])
    assert np.array_equal(lines["exact"][:, 1], np.full(50, 0.5))


def test_scales():
    signed = field_scale(np.array([-2.0, 1.0]), np.array([0.5, np.nan]))
    assert (signed.norm.vmin, signed.norm.vmax) == (-2.0, 2.0)
    positive = field_scale(np.array([3.0, 5.0]), np.array([4.0, np.inf]))
    assert (positive.norm.vmin, positive.norm.vmax) == (3.0, 5.0)
    assert signed.colors != positive.colors
    rounding = field_scale(np.array([-1e-9, 5.0]))  # a positive field with a rounding error below zero
    assert rounding.colors == positive.colors
    for scale in (field_scale(np.full(3, 7.0)), field_scale(np.full(3, np.nan)), deviation_scale(np.zeros(3))):
        assert scale.norm.vmin < scale.norm.vmax
    error = deviation_scale(np.array([-3e-4, 1e-5]))
    assert isinstance(error.norm, SymLogNorm)
    assert error.norm(0.0) == 0.5
    assert error.norm(3e-4) == 1.0
    assert error.norm(1e-5) > 0.6  # thirty times below the largest and still visible; 0.52 on a linear scale
    assert isinstance(signed.norm, Normalize)


def test_a_singularity_does_not_set_the_scale():
    """A peak among ten thousand values is left out; a front is not, nor what stands out of next to nothing."""
    waves = np.sin(np.linspace(0, 9, 10_000))
    peaks, peak, front, alone = (waves.copy() for _ in range(4))
    peaks[[0, -1]], peak[0], front[:100] = (-50.0, 50.0), 50.0, 50.0
    alone *= 1e-9
    alone[0] = 1.0
    assert typical_range(peaks) == pytest.approx((-1.0, 1.0), abs=1e-3)
    assert typical_range(peak) == (waves.min(), pytest.approx(1.0, abs=1e-3))
    assert typical_range(front) == (waves.min(), 50.0)
    assert typical_range(alone) == finite_range(alone)
    assert field_scale(peaks).norm.vmax == pytest.approx(1.0, abs=1e-3)
    assert deviation_scale(peaks).norm.vmax == 50.0


def test_a_diverged_run_is_drawn(tmp_path):
    path = save(Burgers(), tmp_path)
    with h5py.File(path, "r+") as file:
        file["u"][...] = np.nan
        file["error/u"][...] = np.inf
    draw_solution(path, tmp_path / "figure.png")
    assert imread(tmp_path / "figure.png").std() > 0.01


def test_training_is_drawn_where_it_was_measured(burgers, tmp_path):
    contents = read(burgers)
    figure = training_figure(contents)
    path = style.save(figure, contents, tmp_path / "training.png")
    by_step, by_seconds = figure.axes
    assert (by_step.get_xlabel(), by_seconds.get_xlabel()) == ("step", "time (s)")
    assert by_step.get_yscale() == by_seconds.get_yscale() == "log"
    lines = {line.get_label(): line.get_xydata() for line in by_step.lines}
    assert list(lines) == ["training loss", "held-out loss", "error of u"]
    # the loss before each step
    assert np.array_equal(lines["training loss"], np.stack([STEPS - 1, HISTORY["loss"]], axis=1))
    assert lines["error of u"].tolist() == [[k, HISTORY["error/u"][k - 1]] for k in (10, 20, 30)]
    assert by_seconds.lines[1].get_xdata().tolist() == [1.0, 2.0, pytest.approx(3.0)]
    assert imread(path).shape[1] == 1440


def test_a_run_of_one_step_is_seen(tmp_path):
    one = {name: values[9:10] for name, values in HISTORY.items()}
    figure = training_figure(read(save(Burgers(), tmp_path, history=one)))
    assert [line.get_marker() for axes in figure.axes for line in axes.lines] == ["o"] * 6


def test_a_free_constant_is_drawn_as_the_reference_has_it(tmp_path):
    class Floating(Wave):
        defined_up_to_constant = ("u",)

    contents = read(save(Floating(space="xy", time=False, fields="u"), tmp_path))
    field, truth, error, *_ = (panel.values for row in solution_panels(contents) for panel in row)
    assert abs(contents.fields["u"].mean() - 0.5) > 0.01  # an untrained network
    assert field.mean() == pytest.approx(0.5, abs=1e-12)
    np.testing.assert_allclose(field - truth, error, atol=1e-15)


def test_training_without_a_step_is_drawn(tmp_path):
    empty = {name: values[:0] for name, values in HISTORY.items()}
    contents = read(save(Burgers(), tmp_path, history=empty))
    figure = training_figure(contents)
    assert style.save(figure, contents, tmp_path / "training.png").exists()
    assert [axes.lines[:] for axes in figure.axes] == [[], []]


def test_titles_are_not_read_as_formulas(tmp_path, drawn):
    path = save(Burgers(), tmp_path)
    with h5py.File(path, "r+") as file:
        file.attrs["problem"] = "costs $1 or $2 and \\nonsense{"
    draw_solution(path, tmp_path / "figure.png")
    assert drawn[0].get_suptitle().startswith("costs $1 or $2 and \\nonsense{")


def test_figures_that_cannot_be_drawn(burgers, tmp_path):
    with pytest.raises(UserError, match="no such file"):
        draw_solution(tmp_path / "absent.h5", tmp_path / "figure.png")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        draw_solution(burgers, tmp_path / "file" / "figure.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert draw_solution(burgers.parent, tmp_path / "figure.pdf").read_bytes()[:5] == b"%PDF-"
        contents = read(burgers)
        path = style.save(training_figure(contents), contents, tmp_path / "training.pdf")
        assert path.read_bytes()[:5] == b"%PDF-"
    with pytest.raises(UserError, match=r"figure.xyz.*png"):
        draw_solution(burgers, tmp_path / "figure.xyz")


def test_thirty_terms_are_told_apart():
    assert len({tuple(look.items()) for look in itertools.islice(style.curve_styles(), 28)}) == 28
    assert len({tuple(look.items()) for look in itertools.islice(style.marker_styles(), 28)}) == 28


def test_no_legend_covers_a_curve(tmp_path):
    """Each is above its panel and within the picture, with many terms and long names, too."""
    terms = {f"residual/condition_at_part_{k}": np.where(STEPS % 10 == 0, 10.0**-k, np.nan) for k in range(11)}
    contents = read(save(Burgers(), tmp_path, history=HISTORY | terms))
    figure = training_figure(contents)
    style.save(figure, contents, tmp_path / "training.png")
    for axes in figure.axes:
        legend = axes.get_legend().get_window_extent()
        assert legend.y0 >= axes.bbox.y1
        assert 0 <= legend.x0 < legend.x1 <= figure.bbox.x1
        assert legend.y1 <= figure.bbox.y1


def test_a_short_row_is_in_the_middle(tmp_path):
    """u, exact and error above, both residuals below between them."""
    contents = read(save(Wave("xy", fields="u", time=False), tmp_path))
    figure = figures.drawn(contents)
    style.image(figure)
    boxes = [axes.get_position() for axes in figure.axes]
    assert len(boxes) == 5
    middles = [(box.x0 + box.x1) / 2 for box in boxes]
    # the color bars' labels differ in width
    assert middles[3] == pytest.approx((middles[0] + middles[1]) / 2, abs=0.03)
    assert middles[4] == pytest.approx((middles[1] + middles[2]) / 2, abs=0.03)


class Channel(Wave):
    """A domain of six by one, and one by six."""

    def __init__(self, x: float = 6, y: float = 1) -> None:
        super().__init__("x", fields="u")
        self.domain = Box(x=(0, x), y=(0, y))


@pytest.mark.parametrize("problem", [Channel(), Channel(1, 6)], ids=["low", "tall"])
def test_space_is_drawn_to_scale(problem, tmp_path):
    figure = figures.drawn(read(save(problem, tmp_path)))
    style.image(figure)
    for axes in figure.axes:
        box = axes.get_window_extent()
        assert box.height / box.width == pytest.approx(np.ptp(axes.get_ylim()) / np.ptp(axes.get_xlim()), rel=1e-3)
        assert max(box.height, box.width) > 2 * style.DPI / 2  # a strip would not be seen

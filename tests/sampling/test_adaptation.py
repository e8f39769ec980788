"""Adaptive sampling: where the points go, what is remembered, and that a resumed run draws the same."""

import pytest
import torch
from torch.func import jacrev, vmap

from pinn.basis.errors import UserError
from pinn.domains import Box, Region, Time
from pinn.sampling import R3, RAD, RAR, ArcLength, FlowSampling, ResidualAttention, SobolSampler
from pinn.sampling.flow import Flow

DOMAIN = Box(x=(-1, 1), y=(0, 3)) * Time(t=(0, 1))
ADAPTATIONS = {
    "rad": RAD,
    "rar": RAR,
    "r3": R3,
    "attention": ResidualAttention,
    "flow": FlowSampling,
    "arc_length": ArcLength,
}


def quarter(x):
    """|r| = 4 where y < 3/4, a quarter of the domain, and 0 elsewhere."""
    return 4.0 * (x[:, 1] < 0.75)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def redraw(adaptation, state=None, n=3000, magnitude=quarter, seed=0, region=None):
    sampler = SobolSampler(interior=n, adaptation=adaptation)
    return sampler.redraw(DOMAIN, region or Region(), generator(seed), magnitude, state or {})


def share(points):
    return float((points.x[:, 1] < 0.75).double().mean())


def test_rad_follows_the_residual():
    """With density |r| / mean |r| + 1: a share (4 + 1) / 8 of the points in the quarter."""
    points, _ = redraw(RAD())
    # drawn without replacement from a pool of 4 n, whose quarter holds n points: below 5/8, well above 1/4
    assert 0.5 < share(points) < 0.64
    assert share(redraw(RAD(strength=0.1))[0]) < 0.35
    assert share(redraw(None)[0]) == pytest.approx(0.25, abs=0.01)


def test_rar_adds_the_worst_and_keeps_the_newest():
    magnitude = lambda x: x[:, 1]  # noqa: E731
    points, state = redraw(RAR(added=40, kept=100), magnitude=magnitude)
    assert len(points) == 3040
    # the 40 worst of 400: the tenth with the largest y; 0.35 is twice its width, since Sobol points are even
    assert float(points.x[3000:, 1].min()) > 3 - 2 * 0.3
    for seed in (1, 2):
        points, state = redraw(RAR(added=40, kept=100), state, magnitude=magnitude, seed=seed)
    assert len(points) == 3100
    assert torch.equal(state["joined"], points.x[3000:])


def test_r3_keeps_what_is_above_the_mean_and_refills():
    first, state = redraw(R3())
    stay = first.x[quarter(first.x) > 0]
    second, state = redraw(R3(), state, seed=1)
    assert len(second) == 3000
    known = {tuple(x) for x in first.x.tolist()}
    assert sum(tuple(x) in known for x in second.x.tolist()) == len(stay)
    # of uniform points 3/4 lie outside; each redraw, the first included, replaces those by uniform ones
    assert share(first) == pytest.approx(1 - 0.75**2, abs=0.02)
    assert share(second) == pytest.approx(1 - 0.75**3, abs=0.02)


def test_attention_weighs_the_points():
    points, state = redraw(ResidualAttention())
    inside = points.x[:, 1] < 0.75
    assert float(points.weight.mean()) == pytest.approx(1.0)
    # q / max q is 1 inside and 1 / (k + 2) outside, at the k-th redraw
    ratio = points.weight[inside][0] / points.weight[~inside][0]
    assert float(ratio) == pytest.approx(2.0)
    for _ in range(3):
        points, state = redraw(ResidualAttention(renewed=0.0, memory=0.5), state)
    assert torch.equal(points.x.sort(0).values, redraw(ResidualAttention())[0].x.sort(0).values)
    inside = points.x[:, 1] < 0.75
    # lambda outside: 1/2, then halved and 1/2 1/3, 1/2 1/4, 1/2 1/5 added
    outside = ((0.5 / 2 + 0.5 / 3) / 2 + 0.5 / 4) / 2 + 0.5 / 5
    assert float(points.weight[~inside][0] / points.weight[inside][0]) == pytest.approx(outside)


def warped(flow, x):
    """u = F(x), from its slopes: points (n, d) of the flow's density become uniform."""
    columns = []
    for i in range(x.shape[1]):
        slopes = flow._log_slopes(i, x[:, :i]).exp()
        place = x[:, i] * flow.bins
        bin_of = place.long().clamp(0, flow.bins - 1)[:, None]
        before = (slopes.cumsum(1) - slopes).gather(1, bin_of)[:, 0]
        columns.append((before + slopes.gather(1, bin_of)[:, 0] * (place - bin_of[:, 0])) / flow.bins)
    return torch.stack(columns, 1)


def test_the_flow_is_a_bijection_and_its_determinant_that_of_the_jacobian():
    flow = Flow(3, bins=8, width=5, generator=generator())
    with torch.no_grad():
        for last in flow.last:
            last.copy_(torch.randn(last.shape, generator=generator(1), dtype=torch.float64))
        u = torch.rand(50, 3, generator=generator(2), dtype=torch.float64)
        x = flow.inverse(u)
        assert float((warped(flow, x) - u).abs().max()) < 1e-12  # rounding over slopes of a hundred
        determinant = torch.linalg.det(vmap(jacrev(lambda point: warped(flow, point[None])[0]))(x))
    assert bool((x >= 0).all() and (x <= 1).all())
    torch.testing.assert_close(flow(x).exp(), determinant, rtol=1e-10, atol=0)
    assert float(determinant.std()) > 0.3


def test_the_flow_learns_a_density():
    """A ridge across the square: the flow's density comes near it, and so do its points."""

    def ridge(x):
        return torch.exp(-0.5 * ((x[:, 1] / 3 - 0.2 - 0.3 * (x[:, 0] + 1)) / 0.05) ** 2)

    state = {}
    for seed in range(4):
        points, state = redraw(FlowSampling(share=1.0), state, n=500, magnitude=ridge, seed=seed)
    assert len(points) == 500
    near = float((ridge(points.x) > 0.1).double().mean())
    # the ridge's square has 98 % of its mass where ridge > 0.1, which is 21 % of the volume
    assert near > 0.85
    again, _ = redraw(FlowSampling(share=0.5), state, n=500, magnitude=ridge, seed=9)
    assert len(again) == 500
    assert 0.4 < float((ridge(again.x) > 0.1).double().mean()) < near


@pytest.mark.parametrize("name", ADAPTATIONS)
def test_points_stay_in_their_region_and_follow_from_the_seed(name):
    region = Region(where=lambda x, t: (x > 0) & (t < 0.5))
    adaptation, results = ADAPTATIONS[name](), []
    for _ in range(2):
        state = {}
        for seed in range(2):
            points, state = redraw(adaptation, state, n=200, seed=seed, region=region)
        results.append(points)
    assert bool(((results[0].x[:, 0] > 0) & (results[0].x[:, 2] < 0.5)).all())
    assert len(results[0]) >= 200
    assert torch.equal(results[0].x, results[1].x)
    side = SobolSampler(boundary=20, adaptation=adaptation).redraw(DOMAIN, Region(("x.min",)), generator(), quarter, {})
    assert side[1] == {} and torch.equal(
        side[0].x, SobolSampler(boundary=20).draw(DOMAIN, Region(("x.min",)), generator()).x
    )


@pytest.mark.parametrize("name", ADAPTATIONS)
@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_a_residual_of_no_use_leaves_the_points_uniform(name, value):
    """Zero everywhere at an exact solution; not a number where a run is about to end."""
    points, _ = redraw(ADAPTATIONS[name](), n=1000, magnitude=lambda x: torch.full((len(x),), value))
    assert bool(points.x.isfinite().all())
    assert points.weight is None or bool((points.weight > 0).all())
    assert share(points) == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RAD(strength=0.0), "adaptation.strength must be > 0 and finite, got 0.0; for none, adaptation=null"),
        (lambda: RAD(exponent=-1.0), "adaptation.exponent must be > 0 and finite, got -1.0"),
        (lambda: RAR(added=0), "adaptation.added must be >= 1, got 0"),
        (lambda: RAR(added=10, kept=5), "adaptation.kept must be >= added, which is 10, got 5"),
        (lambda: ResidualAttention(memory=1.0), r"adaptation.memory must be in \[0, 1\), got 1.0"),
        (lambda: ResidualAttention(renewed=1.5), r"adaptation.renewed must be in \[0, 1\], got 1.5"),
        (lambda: FlowSampling(share=0.0), r"adaptation.share must be in \(0, 1\], got 0.0"),
        (lambda: FlowSampling(bins=1), "adaptation.bins must be >= 2, got 1"),
        (lambda: FlowSampling(width=0), "adaptation.width must be >= 1, got 0"),
        (lambda: FlowSampling(steps=0), "adaptation.steps must be >= 1, got 0"),
        (lambda: FlowSampling(learning_rate=0.0), "adaptation.learning_rate must be > 0, got 0.0"),
    ],
)
def test_bad_settings_are_explained(make, message):
    with pytest.raises(UserError, match=message):
        make()


def front(x):
    """A step of the width 1e-6 at x = 0.3 + y / 10."""
    return torch.tanh((x[:, :1] - 0.3 - 0.1 * x[:, 1:2]) / 1e-6)


@pytest.mark.parametrize("strength", [0.5, 2.0])
def test_arc_length_finds_a_front_however_thin(strength):
    """A share s / (1 + s) of the points of lines along x; those along y have other ones.

    2 / 48 / 2^7 is the interval on a line to which it is found, 3e-4.
    """
    found = []
    for seed in range(8):
        sampler = SobolSampler(interior=2000, adaptation=ArcLength(strength=strength))
        points, _ = sampler.redraw(DOMAIN, Region(), generator(seed), quarter, {}, front)
        assert len(points) == 2000
        assert bool(torch.as_tensor(DOMAIN.contains(points.x.numpy())).all())
        found.append(float(((points.x[:, 0] - 0.3 - 0.1 * points.x[:, 1]).abs() < 1e-3).double().mean()))
    # 0.03: three standard deviations of a share of 2,000 points
    assert max(found) == pytest.approx(strength / (1 + strength), abs=0.03)

"""Does a problem have one solution, and are its terms met? From its linearization on smooth random features.

A change of the fields that changes no residual: there are other solutions. What is left of the residual is smooth, and
no smooth change of the fields takes it away: there is none. Every term is measured by what smooth fields of the
solution's size make of it, which does not vanish where its own terms do.

With the fields' changes orthonormal (from the SVD of their values, truncated) and each block's rows of one length, the
least singular value of a well-posed problem hardly depends on where the SVD is truncated; that of a null direction
falls with the cutoff, which is all that keeps it from zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from pinn.diagnosis.correction import beside
from pinn.diagnosis.solvability import is_homogeneous
from pinn.diagnosis.steps import divided
from pinn.diagnosis.verdict import Determined, Posedness
from pinn.networks.embedding import Embedding
from pinn.networks.random_features import RandomFeatures
from pinn.residuals.assembly import Assembly
from pinn.residuals.exact_terms import make_residuals
from pinn.residuals.least_squares import CollocationLeastSquares
from pinn.residuals.residuals import Residuals, unflatten
from pinn.sampling.points import Points, PointSet
from pinn.sampling.sequences import SobolSampler, anywhere
from pinn.training.held_out import noisy_blocks
from pinn.trial.function import TrialFunction
from pinn.trial.windows import longest_of

FEATURES, SCALE = 150, 3.0  # of all fields together; largest wave, in radians a unit of [-1, 1]
INTERIOR, BOUNDARY, PLACES = 800, 200, 600  # rows of a region or side; points where the fields are compared
COARSE, FINE, FINEST = 1e-4, 1e-8, 1e-10  # cutoffs of the fields' singular values
NULL, FALLING = 1e-7, 1e3  # the least singular value of a null direction, and what the cutoff takes from it
ROUGHER = 3.0  # factor of waves, features and rows for a second look
LEFT, SMOOTH = 0.9, 0.2  # share of the residual that no change explains, and that smooth functions leave of it
MISSED = 1e-4  # residual by its size: below it nothing is left
REFUSED = 1e-2  # of what no change takes away, by its size, although other parts of the residual can be
LEVEL = 1e-2  # of a field's magnitude, below which its deviation does not count as its size
RANDOM = 20  # smooth fields by which residuals are measured
HELD = 1e3  # of what holds exactly beside data over their noise: more, and features must fit it too well
FAR = 10.0  # ratio of a block's data and what fields of the solution's size make of it, beyond which these are faint
UNMOVED = 1e-12  # what changes make of a block that holds exactly, by the fields' level: rounding
NEXT_TO_ZERO = 1e-6  # of the size of a field's network
SHAKE = 0.5  # standard deviation of the fields' change to where the problem is looked at again


def posedness(trial: TrialFunction, seed: int = 0, weights: Mapping[str, float] | None = None) -> Posedness:
    """Look at a problem's linearization at a trained function, in some tenths of a second.

    weights: of the terms in the loss that was minimized.
    Raises UserError where a residual cannot be evaluated.
    """
    generator = torch.Generator().manual_seed(seed + 2**23)
    here = _Linearized.at(trial, generator, weights=weights)
    free, missed = here.free(), here.missed()
    stuck = here.contradictory()
    if stuck:  # by rougher changes, too?
        stuck = _Linearized.at(trial, generator, ROUGHER, weights).contradictory()
    told = is_homogeneous(trial, generator), *here.uncertain(), here.faint()
    if free or stuck:  # a nonlinear problem may be stationary here, as where the fields are zero, and nowhere else
        there = _Linearized.at(here.shaken(generator), generator)
        sizes, elsewhere = there._irreducible()[1], there.free()
        stuck = tuple(block for block in stuck if sizes[block] > MISSED)
        free = tuple(name for name in free if name in elsewhere)
    return Posedness(free, stuck, missed, *told)


def posedness_in_windows(
    windows: Sequence[TrialFunction], seed: int = 0, weights: Mapping[str, float] | None = None
) -> Posedness:
    """Of the first window, which has the conditions at the start; what is missed of others in the longest one.

    The first may be a short one, in which data that disagree are all that there is.
    """
    first, longest = windows[0], longest_of(windows)
    found = posedness(first, seed, weights)
    if longest is first:
        return found
    generator = torch.Generator().manual_seed(seed + 2**23)
    return replace(found, missed={**found.missed, **_Linearized.at(longest, generator, weights=weights).missed()})


def missed_in_windows(windows: Sequence[TrialFunction], seed: int = 0) -> dict[str, float]:
    """Block -> its residual by its size, as of `Posedness`, in the first window of time or the longest."""
    generator, first, longest = torch.Generator().manual_seed(seed + 2**23), windows[0], longest_of(windows)
    looked = [first] if longest is first else [first, longest]
    return {name: share for window in looked for name, share in _Linearized.at(window, generator).missed().items()}


@dataclass
class _Linearized:
    """r (N,) and J (N, q) in changes of the fields on smooth features; phi (m n + unknowns, q): what they change.

    moved: the parameters whose changes J is of. given (N,): r of fields that are zero: sources and data. blocks: name
    -> rows; sides: those of conditions on sides. owners, columns: the field or unknown by number, of phi's rows and
    columns. places: block -> its points. noisy: the blocks whose rows are divided by their noise, among them the
    priors. levels: root mean square of each field. extents: their sizes, as of `_changes`. weights: of the blocks in
    the loss that was minimized.
    """

    trial: TrialFunction
    moved: tuple[str, ...]
    r: Tensor
    j: Tensor
    given: Tensor
    phi: Tensor
    owners: Tensor
    columns: Tensor
    names: tuple[str, ...]
    blocks: dict[str, slice]
    places: dict[str, Tensor]
    noisy: tuple[str, ...]
    priors: tuple[str, ...]
    sides: tuple[str, ...]
    levels: Tensor
    extents: Tensor
    weights: dict[str, float]

    @classmethod
    def at(
        cls,
        trial: TrialFunction,
        generator: torch.Generator,
        rougher: float = 1.0,
        weights: Mapping[str, float] | None = None,
    ) -> "_Linearized":
        width = max(20, int(FEATURES * rougher) // len(trial.problem.vocabulary.fields))
        corrected, moved = beside(trial, width, (SCALE * rougher,) * len(trial.problem.coordinates), generator)
        residuals = make_residuals(corrected, weights=weights)
        trained, residuals.weights = residuals.weights, dict.fromkeys(residuals.weights, 1.0)
        points = residuals.draw(SobolSampler(interior=int(INTERIOR * rougher), boundary=BOUNDARY), generator)
        start, shapes, held = divided(corrected, moved)
        least_squares = CollocationLeastSquares(residuals, points, Assembly(), held=held)
        r, j = least_squares.jacobian(start)
        x = anywhere(trial, PLACES, generator)
        phi, owners, levels, extents = _changes(corrected, x, start, shapes, held)
        names = (*trial.problem.vocabulary.fields, *trial.problem.unknowns)
        columns = torch.cat([_owners(name, shape, names) for name, shape in shapes.items()])
        rows, places = _rows(residuals, points)
        zero = residuals.of(corrected.zero())
        given = CollocationLeastSquares(zero, points, Assembly()).residual(zero.theta()).detach().double().cpu()
        r, j = (values.double().cpu().clone() for values in (r, j))
        noisy = (*noisy_blocks(residuals, points), *residuals.priors)
        fields = (phi, owners, columns, names)
        return cls(
            corrected,
            tuple(shapes),
            r,
            j,
            given,
            *fields,
            rows,
            places,
            noisy,
            residuals.priors,
            tuple(block.name for group in residuals.regions.values() for block in group.blocks if group.region.sides),
            levels,
            extents,
            trained,
        )

    def contradictory(self) -> tuple[str, ...]:
        """The blocks that no smooth change of the fields brings to zero, although they are smooth.

        With each block of one length, or in the weights of the loss: the least loss of a contradiction, which a change
        of the fields does shift from block to block.
        """
        share, sizes, left = self._irreducible()
        largest = max(size for name, size in sizes.items() if name not in self.priors)
        if largest < MISSED or (share < LEFT and (largest < REFUSED or self._settled() < LEFT)):
            return ()
        large = [name for name, size in sizes.items() if size >= 0.1 * largest and name not in self.priors]
        smooth = all(_roughness(self.places[name], left[self.blocks[name]]) < SMOOTH for name in large)
        return tuple(large) if smooth else ()

    def _irreducible(self) -> tuple[float, dict[str, float], Tensor]:
        """The share of r, balanced, that no change explains; each block's part of it by the block's size; its rows."""
        basis, k = self._basis(FINE)
        r, j = self._balanced(basis, k)
        q = torch.linalg.qr(j).Q
        left = r - q @ (q.mT @ r)
        share = float(left.norm() / r.norm().clamp_min(torch.finfo(r.dtype).tiny))
        return share, self._by_size(self.r * left / torch.where(r == 0, 1.0, r)), left

    def _settled(self) -> float:
        """The share of r, in the weights of the loss, that no change explains: one at the least loss."""
        r, j = self.r.clone(), self.j @ self._basis(FINE)[0]
        for name, rows in self.blocks.items():
            r[rows], j[rows] = self.weights[name] ** 0.5 * r[rows], self.weights[name] ** 0.5 * j[rows]
        q = torch.linalg.qr(j).Q
        return float((r - q @ (q.mT @ r)).norm() / r.norm().clamp_min(torch.finfo(r.dtype).tiny))

    def missed(self) -> dict[str, float]:
        """Each block's residual by the block's size; not of priors, which need not hold.

        On sides its mean: what is missed next to a corner where data disagree alone, moves the fields as little.
        """
        rows = self.r.clone()
        for name in self.sides:
            own = rows[self.blocks[name]]
            rows[self.blocks[name]] = own.abs().mean()
        return {name: size for name, size in self._by_size(rows).items() if name not in self.priors}

    def faint(self) -> tuple[str, ...]:
        """The blocks whose data are far more than what fields of the solution's size make of them, and are missed."""
        missed = self.missed()
        moved = {name: (size, data) for name, (size, data) in self._sizes.items() if size > UNMOVED * self.level}
        return tuple(name for name, (size, data) in moved.items() if data > FAR * size and missed.get(name, 0.0) > 0.5)

    def _by_size(self, rows: Tensor) -> dict[str, float]:
        """Rows (N,) by block over the residual of random smooth fields of the solution's size, or of its data alone.

        The larger of the two root mean squares; where neither is more than rounding, that of the fields themselves.
        """
        sizes = {name: max(both) for name, both in self._sizes.items()}
        known = {name: size if size > UNMOVED * self.level else self.level for name, size in sizes.items()}
        return {name: float(rows[of].norm()) / known[name] for name, of in self.blocks.items()}

    @cached_property
    def _sizes(self) -> dict[str, tuple[float, float]]:
        """Block -> the residual of random smooth fields of the solution's size, and of its data, root mean squares."""
        coefficients = torch.randn(self.j.shape[1], RANDOM, generator=torch.Generator().manual_seed(0)).double()
        changes = self.phi @ coefficients
        for number in range(len(self.names)):  # each field by its own size; a feature moves one field
            own = self.columns == number
            extent = changes[self.owners == number].square().sum(0).sqrt()
            coefficients[own] /= torch.where(extent > 0, extent, 1.0)
        answers = self.j @ coefficients
        data = torch.where(self.given.isfinite(), self.given, 0.0)
        return {
            name: (float(answers[of].square().sum(0).mean().sqrt()), float(data[of].norm()))
            for name, of in self.blocks.items()
        }

    @property
    def level(self) -> float:
        """The root mean square of the largest field, or one."""
        return float(self.levels.max()) or 1.0

    def free(self) -> tuple[str, ...]:
        """The fields and unknowns that a null direction changes; none where there is no such direction."""
        (coarse, _), (fine, direction) = (self._least(cutoff) for cutoff in (COARSE, FINEST))
        if fine > NULL or fine * FALLING > coarse > NULL:
            return ()
        change = (self.phi @ direction).square()
        shares = [float(change[self.owners == k].sum()) for k in range(len(self.names))]
        return tuple(name for share, name in sorted(zip(shares, self.names, strict=True), reverse=True) if share > 0.01)

    def uncertain(self) -> tuple[dict[str, float], tuple[Determined, ...]]:
        """What the noise of the data leaves open where all else holds: each field's relative standard error, and the
        unknowns with theirs, by the linearized least squares; nothing where no noise is given."""
        if not self.noisy:
            return {}, ()
        basis, k = self._basis(FINEST)
        _, j = self._balanced(basis, k)
        data = {name: self.j[self.blocks[name]] @ basis for name in self.noisy}
        data = {name: rows * len(rows) ** 0.5 for name, rows in data.items()}  # a row an observation, over its noise
        j *= HELD * max(float(torch.linalg.matrix_norm(rows, 2)) for rows in data.values())
        for name, rows in data.items():
            j[self.blocks[name]] = rows
        _, s, v = torch.linalg.svd(j, full_matrices=False)
        spread = self.phi @ (basis @ (v.mT / s.clamp_min(torch.finfo(s.dtype).eps * float(s[0]))))
        errors = {name: float(spread[self.owners == number].norm()) for number, name in enumerate(self.names)}
        for name, share in zip(self.trial.problem.vocabulary.fields, self.extents / self.levels, strict=True):
            errors[name] *= float(share)
        unknowns = {name: errors.pop(name) * _size(self.trial, name) for name in self.trial.problem.unknowns}
        values = self.trial.unknowns
        return errors, tuple(Determined(name, values[name], e, _size(self.trial, name)) for name, e in unknowns.items())

    def shaken(self, generator: torch.Generator) -> TrialFunction:
        """The trial function with a random smooth change of its fields, about as large as they are.

        Of fields next to zero: as large as their network is by itself, as around zero nothing else is seen.
        """
        parameters = self.trial.parameters()
        step = torch.randn(self.phi.shape[1], generator=generator, dtype=torch.float64)
        step *= SHAKE / float((self.phi @ step).norm()) * len(self.trial.problem.vocabulary.fields) ** 0.5
        own = self.trial.own_scale()[1].double().cpu()
        for k, (size, extent) in enumerate(zip(own, self.extents.double().cpu(), strict=True)):
            if extent < NEXT_TO_ZERO * size:
                step[self.columns == k] *= float(size / extent)
        at = 0
        for name in parameters:
            if name in self.moved and not name.startswith("unknowns."):
                count = parameters[name].numel()
                parameters[name] = parameters[name] + step[at : at + count].view_as(parameters[name]).to(
                    parameters[name]
                )
                at += count
        self.trial.load_parameters(parameters)
        return self.trial

    @cached_property
    def _spectrum(self) -> tuple[Tensor, Tensor]:
        """The singular values of phi, and its right singular vectors in rows."""
        _, s, v = torch.linalg.svd(self.phi, full_matrices=False)
        return s, v

    def _basis(self, cutoff: float) -> tuple[Tensor, int]:
        """Columns (q, k) that make orthonormal changes, and their number k."""
        s, v = self._spectrum
        kept = s > cutoff * s[0]
        return v[kept].mT / s[kept], int(kept.sum())

    def _balanced(self, basis: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """r and J in a basis, each block by the length of its rows of J."""
        r, j = self.r.clone(), self.j @ basis
        for rows in self.blocks.values():
            length = float(j[rows].norm()) / k**0.5
            if length > 0:
                r[rows], j[rows] = r[rows] / length, j[rows] / length
        return r, j

    def _least(self, cutoff: float) -> tuple[float, Tensor]:
        """The least singular value of J over the middle one, and its direction (q,)."""
        basis, k = self._basis(cutoff)
        _, s, v = torch.linalg.svd(self._balanced(basis, k)[1], full_matrices=False)
        return float(s[-1] / s[len(s) // 2]), basis @ v[-1]


def _changes(
    trial: TrialFunction, x: Tensor, start: Tensor, shapes: dict[str, torch.Size], held: dict[str, Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What each parameter changes of the fields at x (n, d), root mean squares over their sizes, and of the unknowns.

    With the owners of the rows, the fields' root mean squares (m,), and their sizes (m,). A field's size is its
    standard deviation (or a part of its level), an unknown's the larger of value and guess; means do not count of
    fields that are defined up to a constant.
    """
    problem = trial.problem
    fields = problem.vocabulary.fields

    def values(theta: Tensor) -> Tensor:
        named = trial.evaluate(fields, x, {**unflatten(theta, shapes), **held})
        return torch.stack([named[name] for name in fields])

    u, changes = values(start), torch.func.jacfwd(values)(start)  # (m, n), (m, n, q)
    extents = torch.maximum(u.std(1), LEVEL * u.abs().amax(1))  # (m,)
    extents = torch.where(extents > 0, extents, 1.0)
    for k, name in enumerate(fields):
        if name in problem.defined_up_to_constant:
            changes[k] = changes[k] - changes[k].mean(0)
        changes[k] /= extents[k] * len(x) ** 0.5
    rows, owners = [changes.reshape(-1, len(start))], [torch.arange(len(fields)).repeat_interleave(len(x))]
    at = 0
    for name, shape in shapes.items():
        unknown = name.removeprefix("unknowns.")
        if unknown in problem.unknowns:
            row = start.new_zeros(1, len(start))
            row[0, at] = trial.unknown_slopes[unknown] / _size(trial, unknown)
            rows.append(row)
            owners.append(torch.tensor([len(fields) + list(problem.unknowns).index(unknown)]))
        at += shape.numel()
    levels = u.square().mean(1).sqrt()
    return torch.cat(rows).double().cpu(), torch.cat(owners), levels, extents


def _size(trial: TrialFunction, unknown: str) -> float:
    """Of an unknown: the larger of its value and its guess."""
    return max(abs(trial.unknowns[unknown]), abs(float(trial.problem.unknowns[unknown]))) or 1.0


def _owners(name: str, shape: torch.Size, names: tuple[str, ...]) -> Tensor:
    """The field or unknown, by number, that each entry of a parameter moves: a last layer has a row a field."""
    if name.startswith("unknowns."):
        return torch.tensor([names.index(name.removeprefix("unknowns."))])
    return torch.arange(shape[0]).repeat_interleave(shape.numel() // shape[0])


def _rows(residuals: Residuals, points: PointSet) -> tuple[dict[str, slice], dict[str, Tensor]]:
    """Block -> its rows of r, and the scaled points (n, d) they are at."""
    bounds = list(residuals.trial.domain.bounds.values())
    scaled: Any = Embedding(bounds, {}, {}).double()
    places = {}
    for label, group in residuals.regions.items():
        of_region: Points = points[label]
        for block in group.blocks:
            places[block.name] = scaled(of_region.x[: len(of_region)].double().cpu())
    return residuals.rows(points), places


def _roughness(x: Tensor, r: Tensor) -> float:
    """The share of r (n,) at scaled points x (n, d) that smooth features leave; that of a few points counts as none."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        features = RandomFeatures(x.shape[1], 1, width=max(1, min(60, len(x) // 4)), scale=SCALE).double()
    with torch.no_grad():
        waves: Any = features.features(x)
        a = torch.cat([waves, torch.ones_like(x[:, :1])], 1)
    left = r - a @ torch.linalg.lstsq(a, r.unsqueeze(1), driver="gelsd").solution.squeeze(1)
    return float(left.norm() / r.norm().clamp_min(torch.finfo(torch.float64).tiny))

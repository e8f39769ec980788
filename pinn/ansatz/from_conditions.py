"""An ansatz from a problem's conditions: values, velocities and normal derivatives that hold exactly.

u = E + B N, with the lift E of the data, which has the prescribed values and derivatives, and a factor B that
vanishes with them. Where normal derivatives alone are prescribed the network sees the coordinate through a map
without slope there, so that N has none either.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import mul

import torch

from pinn.ansatz.box import Axis, evaluations, lift
from pinn.ansatz.corners import Disagreement, disagreements
from pinn.ansatz.distance import Faces, faces
from pinn.ansatz.prescriptions import Columns, Prescription, Prescriptions, end_of_bounds, prescriptions
from pinn.ansatz.smoothness import derivative_orders, unsmooth
from pinn.basis.memory import Memory
from pinn.derivatives.channels import Channels
from pinn.derivatives.jets import Fields, Jet, NoJetRule, Operand, Values, coordinate_jet
from pinn.networks.places import key_of
from pinn.problem import Problem

MOST = 30  # values of the data for one value of a lift
TRIED = 256  # points inside at which data are tried
REMEMBERED = 2**26  # bytes of what is known at the latest sets of points

FieldAnsatz = Callable[[Columns], tuple[Operand, Operand]]  # the factor B and the lift E at points


@dataclass
class DerivedAnsatz:
    """The fields from coordinates and raw outputs.

    fields: those that are not the raw output itself. mirrored: coordinate -> its ends (`min`, `max`) at which the
    network is to have no slope. soft: condition -> why it is left to the loss. powers: field -> that of time since its
    beginning in the factor of the raw output. disagreements: of the data. constraints: by which it was derived.
    memory: of what `remember` asks for.
    """

    coordinates: tuple[str, ...]
    fields: dict[str, FieldAnsatz] = field(default_factory=dict)
    mirrored: dict[str, tuple[str, ...]] = field(default_factory=dict)
    soft: dict[str, str] = field(default_factory=dict)
    powers: dict[str, int] = field(default_factory=dict)
    disagreements: list[Disagreement] = field(default_factory=list)
    constraints: str = "hard"
    memory: Memory | None = field(default=None, compare=False, repr=False)

    def __call__(self, x: Values, outputs: Fields) -> Fields:
        """The fields at coordinates x (n, d) from the raw outputs by name."""
        made = {name: outputs[name] * factor + lifted for name, (factor, lifted) in self._at(x).items()}
        return {**outputs, **made}

    def _at(self, x: Values) -> dict[str, tuple[Operand, Operand]]:
        """B and E of each field; where they are remembered jets of theirs know of no tape."""
        key = None if self.memory is None else key_of(x)
        if self.memory is None or key is None:
            return self._computed(x)
        known = self.memory[key]
        if known is None:
            known = self._computed(Jet(x.coefficients, x.channels) if isinstance(x, Jet) else x)
            self.memory.keep(key, known, len(key[0]) * (1 + len(known)))
        return known

    def _computed(self, x: Values) -> dict[str, tuple[Operand, Operand]]:
        columns = {name: x[:, i] for i, name in enumerate(self.coordinates)}
        return {name: ansatz(columns) for name, ansatz in self.fields.items()}

    def remember(self) -> None:
        """Remember the factors and lifts for the same points, which fits ask for again and again."""
        self.memory = self.memory or Memory(REMEMBERED)


def derive(problem: Problem, slopes: bool = True) -> DerivedAnsatz:
    """The ansatz that the problem's Dirichlet, Neumann and initial terms allow; what it leaves out stays soft.

    slopes: whether it is to have those that are given on sides; what holds at the start it has in any case.
    """
    collected, orders = prescriptions(problem), derivative_orders(problem)
    for p in list(collected.kept) if not slopes else ():
        if p.order and p.place.coordinate != problem.domain.time:
            collected.drop(p, "slopes are left to the loss")
    for name in problem.vocabulary.fields:
        _leave_unknown_sides(problem, name, collected)
    for p in list(collected.kept):
        reason = _no_jet(problem, p) or unsmooth(problem, p, orders)
        if reason is not None:
            collected.drop(p, reason)
    found, constraints = disagreements(problem, collected.kept), "hard" if slopes else "values"
    ansatz = DerivedAnsatz(problem.coordinates, disagreements=found, constraints=constraints)
    for disagreement in (one for one in found if not one.is_slight):
        given = [p for p in disagreement.prescriptions if p in collected.kept]
        if disagreement.outside:  # of the domain: one of the two may stay, a constant, which is harmless there
            given = sorted(given, key=lambda p: not callable(p.value))[: len(given) - 1]
        for p in given:
            collected.drop(p, str(disagreement))
    ansatz.mirrored, parts = _parts(problem, collected)
    ansatz.fields = {name: _ansatz(*part) for name, part in parts.items() if part[0] or part[1] is not None}
    ansatz.powers = {
        name: axis.power for name, (axes, _) in parts.items() for axis in axes if axis.coordinate == problem.domain.time
    }
    ansatz.soft = collected.refused
    return ansatz


def _leave_unknown_sides(problem: Problem, name: str, collected: Prescriptions) -> None:
    """Drop what holds on sides that no smooth function vanishes on alone, such as a step cut out of a box.

    What is left, where it is on the box's own sides only, is held as at ends of coordinates, along the whole bounding
    box: its data are used beyond the sides' own ends, too. A domain that moves keeps all or nothing, as measured.
    """
    domain = problem.domain
    if domain.moves:
        return
    own = [p for p in collected.kept if p.field == name and p.place.coordinate is None and p.order == 0]
    reasons = {p.place.side: made for p in own if isinstance(made := faces(domain, [p]), str)}
    for p in own:
        if p.place.side in reasons:
            collected.drop(p, reasons[p.place.side])
    own = [p for p in own if p.place.side not in reasons]
    ends = [end_of_bounds(domain, p.place.side) for p in own]
    if not reasons or not all(ends):
        return
    inside = torch.as_tensor(domain.interior_rule(TRIED).points)
    for p, place in zip(own, ends, strict=True):
        assert place is not None and place.coordinate is not None
        columns = {name: inside[:, i] for i, name in enumerate(domain.coordinates)}
        columns[place.coordinate] = torch.full_like(inside[:, 0], domain.bounds[place.coordinate][place.end == "max"])
        if bool(torch.as_tensor(p(columns)).isfinite().all()):
            collected.kept[collected.kept.index(p)] = replace(p, place=place)
        else:
            collected.drop(p, f"its data are not finite along all of the box's {place.side}")


Part = tuple[list[Axis], Faces | None]


def _parts(problem: Problem, collected: Prescriptions) -> tuple[dict[str, tuple[str, ...]], dict[str, Part]]:
    """The mirrored ends, and each field's axes and faces; what does not go together is dropped, until all does."""
    while True:
        count = len(collected.kept)
        mirrored = _mirrored(problem, collected)
        parts = {name: _of_field(problem, name, collected) for name in problem.vocabulary.fields}
        if len(collected.kept) == count:
            return mirrored, parts


def _no_jet(problem: Problem, p: Prescription) -> str | None:
    """Why a value cannot be carried by a jet; None where it can."""
    lower, upper = torch.tensor(list(problem.domain.bounds.values()), dtype=torch.float64).T
    x = coordinate_jet(((lower + upper) / 2)[None], Channels.closure((), len(lower)))
    try:
        p({name: x[:, i] for i, name in enumerate(problem.coordinates)})
    except (NoJetRule, TypeError) as missing:
        return f"its value has no exact derivatives: {missing}"
    return None


def _mirrored(problem: Problem, collected: Prescriptions) -> dict[str, tuple[str, ...]]:
    """The ends at which every field has a normal derivative alone; such conditions elsewhere are dropped."""
    having: dict[tuple[str, str], list[Prescription]] = {}
    for p in collected.kept:
        if p.order == 1 and p.place.coordinate is not None:
            having.setdefault((p.place.coordinate, p.place.end), []).append(p)
    ends: dict[str, tuple[str, ...]] = {}
    for (coordinate, end), group in having.items():
        values = {p.field for p in collected.kept if p.order == 0 and p.place.side == group[0].place.side}
        alone = [p for p in group if p.field not in values]
        if not alone:
            continue
        if len(alone) == len(problem.vocabulary.fields) and coordinate != problem.domain.time:
            ends[coordinate] = (*ends.get(coordinate, ()), end)
        else:
            for p in alone:
                collected.drop(
                    p, f"a derivative without a value is exact only where all fields have one at {coordinate}.{end}"
                )
    return ends


def _of_field(problem: Problem, name: str, collected: Prescriptions) -> Part:
    """The axes and faces of what can hold exactly of one field."""
    own = [p for p in collected.kept if p.field == name]
    on_faces = _faces(problem, [p for p in own if p.place.coordinate is None], collected)
    return _ordered(_axes(problem, own), on_faces, collected), on_faces


def _ansatz(axes: Sequence[Axis], on_faces: Faces | None) -> FieldAnsatz:
    lifted = lift(axes, (lambda columns: 0.0) if on_faces is None else on_faces.lift)
    vanishing = [axis.vanishing for axis in axes]

    def ansatz(columns: Columns) -> tuple[Operand, Operand]:
        factors = [factor(axis.s(columns)) for axis, factor in zip(axes, vanishing, strict=True)]
        if on_faces is not None:
            factors.append(on_faces.vanishing(columns))
        return reduce(mul, factors), lifted(columns)

    return ansatz


def _axes(problem: Problem, own: Sequence[Prescription]) -> list[Axis]:
    names = dict.fromkeys(p.place.coordinate for p in own if p.place.coordinate is not None)
    return [
        Axis(name, problem.domain.bounds[name], tuple(p for p in own if p.place.coordinate == name)) for name in names
    ]


def _faces(problem: Problem, prescribed: list[Prescription], collected: Prescriptions) -> Faces | None:
    if not prescribed:
        return None
    made = faces(problem.domain, prescribed)
    if isinstance(made, Faces):
        return made
    for p in prescribed:
        collected.drop(p, made)
    return None


def _ordered(axes: list[Axis], on_faces: Faces | None, collected: Prescriptions) -> list[Axis]:
    """The axes such that those with derivatives come last, and their data do not ask for derivatives of others'.

    An axis that does is dropped, and all of them where the data would be evaluated too often.
    """
    if evaluations(axes) > MOST:
        return _dropped(axes, collected, f"data on so many sides would be evaluated {evaluations(axes)} times a point")
    kept: list[Axis] = []
    for axis in sorted(axes, key=lambda axis: not axis.has_derivatives):
        inner = [p for other in kept for p in other.prescriptions]
        inner += [p for p, _ in on_faces.groups] if on_faces is not None else []
        if axis.has_derivatives and any(axis.coordinate in p.names for p in inner):
            c = axis.coordinate
            _dropped([axis], collected, f"its derivative along {c} meets data that depend on {c}")
        else:
            kept.insert(0, axis)
    return kept


def _dropped(axes: Sequence[Axis], collected: Prescriptions, reason: str) -> list[Axis]:
    for axis in axes:
        for p in axis.prescriptions:
            collected.drop(p, reason)
    return []

"""What a run is to write is checked before it trains."""

import pytest

import pinn
from pinn.basis.errors import UserError
from pinn.domains import Ball, Box, Time
from pinn.networks import MLP
from pinn.problem import Problem
from pinn.problems import Burgers
from pinn.solution import Output
from pinn.solution.beforehand import check_output
from pinn.solution.nodes import count_nodes, make_nodes
from pinn.terms import Dirichlet, Interior
from pinn.training import Callback, Training
from pinn.trial.making import make_trial


class Trained(Callback):
    def on_start(self, run):
        raise AssertionError("training has begun")


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (Output(resolution=1_000_000), r"makes 1e\+12 nodes, whose 7 arrays of 52,154 GiB do not fit"),
        (Output(resolution={"q": 5}), "output.resolution names 'q'; the dimensions are t, x"),
        (Output(derivatives=["foo"]), "'foo' in this request: not a name this problem knows"),
        (Output(derivatives=["u"]), "must be numbers at a point beside the fields, got u"),
    ],
)
def test_an_output_that_cannot_be_written_is_told_before_the_first_step(output, message, tmp_path):
    with pytest.raises(UserError, match=message):
        pinn.solve(Burgers(), training=Training(steps=3), output=output, folder=tmp_path, callbacks=[Trained()])


def test_an_output_that_can_be_written_is_none_of_its_business():
    check_output(make_trial(Burgers(), MLP), Output(resolution=33, derivatives=["u_x"]))


@pytest.mark.parametrize(
    ("domain", "resolution"),
    [
        (Box(x=(0, 1)), None),
        (Box(x=(0, 1), y=(0, 2)) * Time(t=(0, 1)), {"x": 7}),
        (Box(x=(0, 1), y=(0, 1), z=(0, 1)), 5),
        (Time(t=(0, 1)), None),
        (Box(a=(0, 1), b=(0, 1), c=(0, 1), d=(0, 1)), None),
    ],
)
def test_nodes_are_counted_without_being_made(domain, resolution):
    assert count_nodes(domain, resolution) == make_nodes(domain, resolution).size


def test_nodes_of_a_mesh_are_about_those_of_a_grid_of_its_cells():
    domain = Ball(center=(0, 0), radius=1.0)
    assert 0.3 * count_nodes(domain, 40) < make_nodes(domain, 40).size < 2.0 * count_nodes(domain, 40)  # pi / 4 of it


class Named(Problem):
    """A problem whose names are given."""

    def __init__(self, term="balance", field="u"):
        self.term = term
        self.domain = Box(x=(0, 1))
        self.fields = (field,)

    def terms(self):
        field = self.fields[0]
        return {self.term: Interior(lambda u_xx: u_xx), "ends": Dirichlet(**{field: 0.0}, on=("x.min", "x.max"))}


@pytest.mark.parametrize("name", ["", " ", ".", "..", "/", "a/b", "a\0", "a\nb", "\ud800", 5, None])
def test_names_of_terms_that_are_no_names_in_a_file_are_refused(name):
    with pytest.raises(UserError, match=r"Named.terms names a term .*: a name is a text such as 'walls'"):
        Named(term=name).check_complete()


@pytest.mark.parametrize("name", ["self", "on", "where", "of", "a/b", "None", "lambda"])
def test_names_of_fields_that_cannot_be_prescribed_are_refused(name):
    with pytest.raises(UserError, match=r"cannot name a field|must be a Python identifier"):
        Named(field=name).check_complete()
    Named(term="a.0", field="file").check_complete()


class Silent(Named):
    """ """


class Constant(Named):
    """A balance without a field."""

    def terms(self):
        return super().terms() | {"balance": Interior(lambda x: 0 * x + 1)}


def test_an_equation_without_a_field_is_refused():
    with pytest.raises(UserError, match=r"asks for x and for no field, derivative or unknown: nothing can be trained"):
        pinn.solve(Constant(), training=Training(steps=3))


def test_a_problem_with_an_empty_description_has_its_name():
    assert Silent().title == "silent"


def test_seeds_that_generators_do_not_take_are_refused():
    with pytest.raises(UserError, match=r"seed must be below 2\*\*62"):
        pinn.solve(Burgers(), training=Training(steps=3), seed=2**64)

import pytest

from pinn.basis.errors import UserError
from pinn.derivatives.names import Symbol, Vocabulary, parse_suffix, readings


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary(
        ("x", "t"), ("u", "h_re"), ("nu",), ("flux",), {"laplacian": ((0, 0, 1.0),), "mixed": ((0, 1, 2.0),)}
    )


@pytest.mark.parametrize(
    ("name", "base", "orders"),
    [
        ("u", "u", (0, 0)),
        ("u_x", "u", (1, 0)),
        ("u_xxt", "u", (2, 1)),
        ("h_re_tx", "h_re", (1, 1)),
        ("flux_x", "flux", (1, 0)),
    ],
)
def test_derivatives_are_read_from_the_last_underscore(vocabulary, name, base, orders):
    quantity = vocabulary.resolve(name, "here")
    assert (quantity.kind, quantity.base, quantity.symbol) == ("derivative", base, Symbol(orders))


@pytest.mark.parametrize(
    ("name", "kind"), [("x", "coordinate"), ("nu", "unknown"), ("normal_t", "normal"), ("hessian", "hessian")]
)
def test_exact_names(vocabulary, name, kind):
    assert vocabulary.resolve(name, "here").kind == kind


def test_operators_are_one_symbol_and_expand_to_second_derivatives(vocabulary):
    laplacian = vocabulary.resolve("laplacian_u", "here").symbol
    assert laplacian.order == 2
    assert laplacian.expanded() == {Symbol((2, 0)): 1.0}
    assert vocabulary.resolve("biharmonic_u", "here").symbol.expanded() == {Symbol((4, 0)): 1.0}
    assert vocabulary.resolve("mixed_u", "here").symbol.expanded() == {Symbol((1, 1)): 2.0}


def test_digits_are_read_greedily():
    coordinates = [f"x{i}" for i in range(1, 11)]
    assert parse_suffix("x1x10", coordinates) == ("x1", "x10")
    assert parse_suffix("x10x1", coordinates) == ("x10", "x1")
    assert parse_suffix("x11", coordinates) is None


def test_ambiguous_suffix_is_refused_with_the_reason():
    coordinates = ("x", "y", "xy")
    assert len(readings("xy", coordinates)) == 2
    with pytest.raises(UserError, match="reads in 2 ways"):
        Vocabulary(coordinates, ("u",)).resolve("u_xy", "P.f")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        *(("u_z", "no coordinate 'z'"), ("u_yy", "no coordinate 'y'"), ("u_xzt", "no coordinate 'z'")),
        *(("w", "not a name"), ("w_x", "not a name"), ("u_", "no coordinate ''")),
    ],
)
def test_unknown_names_list_the_known_ones(vocabulary, name, message):
    with pytest.raises(UserError, match=message) as error:
        vocabulary.resolve(name, "P.momentum")
    for known in ("P.momentum", "u, h_re", "x, t", "nu, flux"):
        assert known in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((("x",), ("u", "x")), "named twice"),
        ((("x",), ("points",)), "reserved"),
        ((("x",), ("u", "u_x")), "reads as a derivative"),
        ((("x",), ("2u",)), "identifier"),
    ],
)
def test_clashes_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        Vocabulary(*arguments)

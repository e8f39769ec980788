from math import factorial

from pinn.derivatives.channels import Channels, chain_rule, product_rule
from pinn.derivatives.names import Symbol

BELL = [
    1,
    1,
    2,
    5,
    15,
    52,
    203,
]  # number of set partitions: the coefficients of Faa di Bruno's formula sum to it


def test_chain_rule_coefficients_sum_to_the_bell_numbers():
    for order, bell in enumerate(BELL):
        assert sum(chain_rule(Symbol((order,))).values()) == bell
    assert sum(chain_rule(Symbol((2, 1, 1))).values()) == BELL[4]


def test_product_rule_is_the_binomial_formula():
    terms = product_rule(Symbol((4,)))
    assert sorted(terms.values()) == sorted(factorial(4) / factorial(k) / factorial(4 - k) for k in range(5))


def test_closure_is_closed_downwards_and_starts_with_the_value():
    channels = Channels.closure([Symbol((2, 1))], 2)
    orders = [symbol.orders for symbol in channels.symbols]
    assert orders[0] == (0, 0)
    assert sorted(orders) == [(a, b) for a in range(3) for b in range(2)]


def test_a_laplacian_needs_one_second_order_channel():
    d = 10
    laplacian = tuple((i, i, 1.0) for i in range(d))
    channels = Channels.closure([Symbol((0,) * d, (laplacian,))], d)
    assert len(channels) == 1 + d + 1


def test_a_biharmonic_needs_fewer_channels_than_its_derivatives():
    laplacian = tuple((i, i, 1.0) for i in range(3))
    collapsed = Channels.closure([Symbol((0,) * 3, (laplacian, laplacian))], 3)
    plain = Channels.closure(Symbol((0,) * 3, (laplacian, laplacian)).expanded(), 3)
    assert len(collapsed) < len(plain)

"""Columns eliminated by a triangle, against the same by dense inverses."""

import torch

from pinn.linear_algebra.elimination import eliminate


def test_it_is_the_schur_complement_and_its_step():
    generator = torch.Generator().manual_seed(0)
    a, b, r = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((60, 12), (60, 3), (60,)))
    j, ridge = torch.cat([a, b], 1), 0.01
    found = eliminate(((r[k : k + 7], j[k : k + 7]) for k in range(0, 60, 7)), 12, 3, ridge)
    damping = torch.diag(torch.cat([ridge * a.square().sum(0), torch.zeros(3, dtype=torch.float64)]))
    inverse = torch.linalg.inv(j.mT @ j + damping)
    close = {"rtol": 1e-10, "atol": 1e-12}  # a condition number near ten
    assert torch.allclose(found.inverse @ found.inverse.mT, inverse[12:, 12:], **close)
    assert torch.allclose(-found.inverse @ found.right, -(inverse @ j.mT @ r)[12:], **close)
    influence = found.inverse @ found.inverse.mT @ found.left(j[:20]).mT
    assert torch.allclose(influence, (inverse @ j[:20].mT)[12:], **close)
    assert torch.allclose(found.leverages(j[:20]), (j[:20] @ inverse * j[:20]).sum(1), **close)


def test_sizes_of_columns_do_not_matter():
    """As of the coefficients of a polynomial, whose second derivatives grow with the fourth power of the degree."""
    generator = torch.Generator().manual_seed(2)
    j, r = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in ((40, 9), (40,)))
    sizes = torch.logspace(0, 12, 8, dtype=torch.float64)
    plain, scaled = (eliminate([(r, torch.cat([j[:, :8] * by, j[:, 8:]], 1))], 8, 1, 1e-20) for by in (1.0, sizes))
    assert torch.allclose(plain.inverse, scaled.inverse, rtol=1e-10)


def test_columns_that_say_nothing_new_have_a_large_inverse():
    a = torch.randn(30, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    b = torch.stack([a[:, 0] + a[:, 1], a[:, 2] ** 2], 1)
    found = eliminate([(a[:, 0] ** 3, torch.cat([a, b], 1))], 5, 2, 1e-20)
    first, second = torch.linalg.vector_norm(found.inverse, dim=1).tolist()
    assert first > 1e6 and second < 10.0  # above the rounding of a triangle that is damped by as much

import pytest
import torch
from agreement import assert_agree

from pinn.linear_algebra.symmetric import gram


@pytest.mark.parametrize("shape", [(40, 7), (300, 256), (500, 301)])
def test_gram_is_the_product_with_the_transpose(shape):
    j = torch.randn(shape, dtype=torch.float64)
    product = gram(j)
    assert_agree(product, j.mT @ j)
    assert_agree(product, product.mT)  # to rounding: the products within a block need not be symmetric to the bit

"""Symmetric products."""

from itertools import pairwise

import torch
from torch import Tensor


def gram(j: Tensor, blocks: int = 4) -> Tensor:
    """J^T J for J (n, p), by computing the upper block triangle only: (1 + 1/blocks) / 2 of the work."""
    p = j.shape[1]
    blocks = blocks if p >= 64 * blocks else 1
    product = j.new_empty(p, p)
    edges = [p * k // blocks for k in range(blocks + 1)]
    for start, end in pairwise(edges):
        torch.mm(j[:, start:end].mT, j[:, start:], out=product[start:end, start:])
        product[end:, start:end] = product[start:end, end:].mT
        block = product[start:end, start:end]
        block.copy_(block.triu() + block.triu(1).mT)  # on some processors its triangles differ by rounding
    return product

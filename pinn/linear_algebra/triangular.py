"""QR of a matrix that arrives in pieces of rows.

TSQR: Demmel, Grigori, Hoemmen & Langou 2012, doi:10.1137/080731992.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

BLOCK = 2  # rows that are gathered before they are factorized, in units of the triangle's: more memory, less work


def triangular_factor(pieces: Iterable[tuple[Tensor, Tensor]], p: int) -> tuple[Tensor, Tensor, float]:
    """R (k, p), Q^T r (k,) and ||r||^2 of J = Q R, k = min(N, p), from pieces r (m,) and J (m, p) of any size.

    [J, r] is factorized, so that Q^T r comes along and Q is never formed: the latest triangle with the next rows below
    it. J is not squared. At most 3 (p + 1)^2 numbers are held beside their copy in LAPACK, and the work is 4/3 of
    that for the whole J; R's rows are those of the whole up to their signs.
    """
    stack, filled = None, 0
    for r, j in pieces:
        if stack is None:
            stack = j.new_empty((1 + BLOCK) * (p + 1), p + 1)
        taken = 0
        while taken < len(r):
            count = min(len(r) - taken, len(stack) - filled)
            rows, source = stack[filled : filled + count], slice(taken, taken + count)
            rows[:, :p], rows[:, p] = j[source], r[source]
            filled, taken = filled + count, taken + count
            if filled == len(stack):
                filled = _reduce(stack, filled)
    if stack is None:
        raise ValueError("there are no rows to factorize")
    reduced = stack[: _reduce(stack, filled)]
    k = min(len(reduced), p)
    return reduced[:k, :p].clone(), reduced[:k, p].clone(), float(reduced[:, p].square().sum())


def _reduce(stack: Tensor, filled: int) -> int:
    """Replace the filled rows by their triangle; its number of rows."""
    r = torch.linalg.qr(stack[:filled], mode="r").R
    stack[: len(r)] = r
    return len(r)

"""Vector calculus of any differentiable function of points, by torch.func.

Every operator takes a function `f` and points x of shape (n, d), and differentiates at each point on its own. `f` is

* a function of *one point*: a tensor (d,) to a scalar () or a vector (m,), written in torch operations; or
* an `nn.Module`, which by torch's convention maps a *batch*: (n, d) to (n, m) or (n,), each row on its own.

With J_ij = df_i/dx_j the Jacobian of a vector is (m, d), row i the gradient of component i; a scalar has no first
axis: its Jacobian is its gradient (d,). All results have the points' axis first, and are themselves differentiable, in
the points and in whatever parameters `f` uses. Of the module's parameters nothing is changed.

All raise `UserError` where points, function values or directions have the wrong shape or type.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap
from torch.func import jvp as push_forward
from torch.func import vjp as pull_back

from pinn.basis.errors import UserError, require

Function = Callable[[Tensor], Tensor]


def jacobian(f: Function, points: Tensor) -> Tensor:
    """J_ij = df_i/dx_j at each point: (n, m, d) of a vector function, (n, d) of a scalar one.

    By vmap(jacrev(f)). points: (n, d).
    """
    return vmap(jacrev(one_point(f)))(checked(points))


def hessian(f: Function, points: Tensor) -> Tensor:
    """H_kij = d^2 f_k / dx_i dx_j at each point: (n, m, d, d) of a vector function, (n, d, d) of a scalar one.

    By vmap(jacrev(jacrev(f))). points: (n, d).
    """
    return vmap(jacrev(jacrev(one_point(f))))(checked(points))


def jvp(f: Function, points: Tensor, directions: Tensor) -> Tensor:
    """The derivative of f along a direction, (J v)_i = sum_j df_i/dx_j v_j, without J: (n, m), or (n,) of a scalar.

    One forward-mode pass. points, directions: (n, d).
    """
    points, g = checked(points), one_point(f)
    _check_like(directions, points.shape, points, "directions", "one vector of d components a point")
    return vmap(lambda x, v: push_forward(g, (x,), (v,))[1])(points, directions)


def vjp(f: Function, points: Tensor, cotangents: Tensor) -> Tensor:
    """The row vector (w^T J)_j = sum_i w_i df_i/dx_j at each point, without J: (n, d).

    One reverse-mode pass. points: (n, d). cotangents w: (n, m), or (n,) of a scalar function.
    """
    points, g = checked(points), one_point(f)
    require(isinstance(cotangents, Tensor), f"cotangents must be a tensor, got {type(cotangents).__name__}")
    shape = tuple(cotangents.shape)
    require(shape[:1] == (len(points),), f"cotangents must be one for each of {len(points)} points, got {shape}")

    def pulled(x: Tensor, w: Tensor) -> Tensor:
        value, pull = pull_back(g, x)[:2]
        _check_like(w, value.shape, value, "each cotangent", "it has the shape of f at one point")
        return pull(w)[0]

    return vmap(pulled)(points, cotangents)


def gradient(f: Function, points: Tensor) -> Tensor:
    """(grad f)_j = df/dx_j of a scalar function: (n, d).

    points: (n, d). f maps to () or (1,), a module to (n,) or (n, 1).
    """
    return vmap(jacrev(_scalar(f, "gradient", "jacobian")))(checked(points))


def divergence(f: Function, points: Tensor) -> Tensor:
    """div f = sum_i df_i/dx_i of a vector field with as many components as coordinates: (n,). points: (n, d)."""
    return _square_jacobian(f, points, "divergence").diagonal(dim1=-2, dim2=-1).sum(-1)


def curl(f: Function, points: Tensor) -> Tensor:
    """The rotation of a vector field in Cartesian coordinates.

    In 3-D  (df_3/dx_2 - df_2/dx_3, df_1/dx_3 - df_3/dx_1, df_2/dx_1 - df_1/dx_2): (n, 3) at points (n, 3).
    In 2-D its only component, df_2/dx_1 - df_1/dx_2: (n,) at points (n, 2). No other dimension has one.
    """
    d = checked(points).shape[1]
    require(d in (2, 3), f"curl is defined in 2 and 3 dimensions, got points with {d} coordinates; try jacobian")
    j = _square_jacobian(f, points, "curl")
    if d == 2:
        return j[:, 1, 0] - j[:, 0, 1]
    return torch.stack([j[:, 2, 1] - j[:, 1, 2], j[:, 0, 2] - j[:, 2, 0], j[:, 1, 0] - j[:, 0, 1]], -1)


def laplacian(f: Function, points: Tensor) -> Tensor:
    """sum_i d^2 f_k / dx_i^2 over all the coordinates, component by component: (n, m), or (n,) of a scalar.

    points: (n, d). A problem's `laplacian_u` leaves time out; this one knows no time.
    """
    return hessian(f, points).diagonal(dim1=-2, dim2=-1).sum(-1)


def jacobian_determinant(f: Function, points: Tensor) -> Tensor:
    """det J of a map with as many components as coordinates, its local change of volume: (n,). points: (n, d)."""
    return torch.linalg.det(_square_jacobian(f, points, "jacobian_determinant"))


def log_abs_jacobian_determinant(f: Function, points: Tensor) -> Tensor:
    """log |det J|, which neither overflows nor underflows in many dimensions: (n,); -inf where J is singular.

    points: (n, d). f has as many components as coordinates.
    """
    return torch.linalg.slogdet(_square_jacobian(f, points, "log_abs_jacobian_determinant"))[1]


def one_point(f: Function) -> Function:
    """`f` as a function of one point (d,) -> () or (m,): a module gets a batch of one."""
    require(callable(f), f"f must be a function of one point or an nn.Module, got {f!r}")
    module = isinstance(f, nn.Module)

    def at(x: Tensor) -> Tensor:
        value = f(x.unsqueeze(0)) if module else f(x)
        if not isinstance(value, Tensor):
            raise UserError(f"f must return a tensor, got {type(value).__name__}; stack components by torch.stack")
        require(value.is_floating_point(), f"f must return real floating-point values, got {value.dtype}")
        if module:
            fits = value.ndim in (1, 2) and len(value) == 1
            require(fits, f"a module must map (n, d) to (n, m) or (n,), got {tuple(value.shape)} for n = 1")
            return value[0]
        require(value.ndim <= 1, f"f must map one point (d,) to () or (m,), got the shape {tuple(value.shape)}")
        return value

    return at


def checked(points: Tensor) -> Tensor:
    """The points themselves; raises UserError unless they are real numbers of shape (n, d)."""
    require(isinstance(points, Tensor), f"points must be a tensor (n, d), got {type(points).__name__}")
    shape = tuple(points.shape)
    hint = "; write x.unsqueeze(0) for one point" if points.ndim == 1 else ""
    require(points.ndim == 2, f"points must have the shape (n, d), got {shape}{hint}")
    require(min(shape) >= 1, f"points must hold at least one point with one coordinate, got the shape {shape}")
    require(points.is_floating_point(), f"points must be real floating-point numbers, got {points.dtype}")
    return points


def _check_like(values: Tensor, shape: torch.Size, like: Tensor, name: str, meaning: str) -> None:
    require(isinstance(values, Tensor), f"{name} must be a tensor, got {type(values).__name__}")
    fits = values.shape == shape and values.dtype == like.dtype
    wanted = f"{name} must be {like.dtype} of shape {tuple(shape)}: {meaning}"
    require(fits, f"{wanted}; got {values.dtype} of shape {tuple(values.shape)}")


def _scalar(f: Function, operator: str, alternative: str) -> Function:
    g = one_point(f)

    def at(x: Tensor) -> Tensor:
        value = g(x)
        message = f"{operator} needs a scalar function, got {value.numel()} components; try {alternative}"
        require(value.numel() == 1, message)
        return value.reshape(())

    return at


def _square_jacobian(f: Function, points: Tensor, operator: str) -> Tensor:
    """The Jacobian (n, d, d) of a map with as many components as coordinates."""
    g = one_point(f)

    def at(x: Tensor) -> Tensor:
        value = g(x)
        got = f"{tuple(value.shape)} from {len(x)} coordinates"
        require(value.shape == x.shape, f"{operator} needs as many components as coordinates, got {got}")
        return value

    return vmap(jacrev(at))(checked(points))

"""When elementwise functions are compiled, and that they then give the same numbers."""

import logging

import pytest
import torch
import torch.nn.functional as F

from pinn.basis.errors import UserError
from pinn.derivatives.channels import Channels
from pinn.derivatives.composition import blocked, compiled
from pinn.derivatives.elementary import ELEMENTARY
from pinn.derivatives.names import Symbol
from pinn.solving import compilation
from pinn.solving.compilation import choose_compilation

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.compiled
def test_auto_compiles_where_the_run_repays_it(monkeypatch, caplog):
    monkeypatch.setattr(compilation, "_compiler", lambda: "g++")
    with caplog.at_level(logging.INFO, "pinn"):
        assert choose_compilation("auto", 75.0, CPU) == (False, False)
        assert not caplog.records
        assert choose_compilation("auto", 600.0, CPU) == (True, False)
        assert choose_compilation("auto", None, CPU) == (True, False)
    assert "compiling" in caplog.text


def test_auto_records_on_a_gpu(monkeypatch):
    monkeypatch.setattr(compilation, "_compiler", lambda: "g++")
    for limit in (75.0, 600.0, None):
        assert choose_compilation("auto", limit, GPU) == choose_compilation("graphs", limit, GPU) == (False, True)


@pytest.mark.parametrize("device", [CPU, GPU])
def test_always_compiles_and_never_does_nothing(monkeypatch, device):
    monkeypatch.setattr(compilation, "_compiler", lambda: "g++")
    assert choose_compilation("always", 1.0, device) == (True, False)
    assert choose_compilation("never", None, device) == (False, False)


def test_graphs_are_for_gpus():
    with pytest.raises(UserError, match="compile=graphs is for GPUs, and the device is cpu; try compile=auto"):
        choose_compilation("graphs", None, CPU)


@pytest.mark.compiled
def test_without_a_compiler_auto_does_not_and_always_says_so(monkeypatch):
    monkeypatch.setattr(compilation, "_compiler", lambda: None)
    assert choose_compilation("auto", None, CPU) == (False, False)
    with pytest.raises(UserError, match=r"needs a C\+\+ compiler .* try compile=auto"):
        choose_compilation("always", None, CPU)


def test_an_unknown_choice_is_named():
    with pytest.raises(UserError, match="compile must be one of auto, always, never, graphs, got 'yes'"):
        choose_compilation("yes", None, CPU)


@pytest.mark.skipif(compilation._compiler() is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.parametrize("function", [torch.tanh, torch.sin, F.silu])
def test_compiled_kernels_agree_with_plain_operations(function):
    channels = Channels.closure([Symbol((0, 1)), Symbol((3, 0))], 2)  # u_t and u_xxx
    generator = torch.Generator().manual_seed(0)
    z, g = torch.randn(2, len(channels), 50, 7, generator=generator, dtype=torch.float64)
    for plain, fast, arguments in zip(
        blocked(channels, ELEMENTARY[function]), compiled(channels, ELEMENTARY[function]), [(z,), (z, g)], strict=True
    ):
        expected = plain(*arguments)
        # the same operations, fused: differences are those of rounding
        torch.testing.assert_close(fast(*arguments), expected, rtol=1e-12, atol=1e-12 * float(expected.abs().max()))

"""What the line says while a run goes on."""

from types import SimpleNamespace

from pinn.training.callbacks.progress import Progress


def test_the_loss_beside_the_held_out_one_is_of_the_same_parameters():
    """A record has the loss before its step, which a direct solve takes from 2 to rounding."""
    progress = Progress()
    progress.run = SimpleNamespace(heading="", steps=20)
    measured = {"loss/equation": 2e-27, "loss/walls": 1e-27, "held_out": 4e-27, "error/u": 1e-15}
    progress.latest |= {"seconds": 1.0}
    progress.on_step({"step": 1, "loss": 2.1, "seconds": 2.6} | measured)
    assert progress.line() == "step 1/20  loss 3.0e-27  held-out 4.0e-27  error u 1.0e-15  2.6 s"
    progress.on_step({"step": 2, "loss": 3e-27, "seconds": 3.0})
    assert progress.line() == "step 2/20  loss 3.0e-27  held-out 4.0e-27  error u 1.0e-15  3.0 s"
    progress.on_step({"step": 3, "loss": 5e-27, "seconds": 3.5})
    assert "loss 5.0e-27" in progress.line()

"""Files from strangers: nothing that they name is run, opened or let grow, and each is told of in one line."""

import functools
import os
import time

import h5py
import numpy as np
import pytest
import yaml

from pinn.basis.errors import UserError
from pinn.basis.files import printable, read_yaml
from pinn.networks import MLP
from pinn.problems import Heat
from pinn.report.show import describe
from pinn.solution import Output, Solution, load
from pinn.solution_file import soundness
from pinn.trial.making import make_trial

SECRET = "the user's own secret".ljust(72 * 8)


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    solution = Solution(
        make_trial(Heat(), functools.partial(MLP, width=4)),
        history={"step": np.array([1])},
        output=Output(resolution=9),
    )
    return solution.save(tmp_path_factory.mktemp("honest"))


@pytest.fixture
def copy(honest, tmp_path):
    path = tmp_path / "solution.h5"
    path.write_bytes(honest.read_bytes())
    return path


def configured(path, **parts):
    with h5py.File(path, "r+") as file:
        saved = yaml.safe_load(file["config"].asstr()[()])
        file["config"][()] = yaml.safe_dump(saved | parts)


@pytest.mark.parametrize(
    ("place", "named", "told"),
    [
        ("problem", {"_target_": "pinn.sweeps.pruning.Pruning", "storage": "sqlite:///made"}, "no Problem"),
        ("network", {"_target_": "pinn.sweeps.pruning.Pruning", "storage": "sqlite:///made"}, "no Network"),
        ("problem", {"_target_": "pinn.domains.STL", "path": "secret"}, "no Problem"),
        (
            "problem",
            {"_target_": "pinn.problems.Heat", "diffusivity": {"_target_": "pinn.optimizers.Adam"}},
            "no Problem",
        ),
        (
            "problem",
            {"_target_": "pinn.problems.Heat", "x": {"_target_": "pinn.domains.STL", "path": "secret"}},
            "open a f",
        ),
        (
            "problem",
            {"_target_": "pinn.problems.Heat", "x": [{"_target_": "pinn.domains.STL", "_args_": ["s"]}]},
            "open a f",
        ),
        ("problem", {"_target_": "pinn.problems.HeatSink", "stl": "secret"}, "open a file of its choice"),
        ("problem", {"_target_": "pinn.problems.Heat", "_partial_": True}, "pass problem="),
        ("problem", ["a list"], "pass problem="),
        ("network", {"_target_": "pinn.networks.MLP", "width": 20000, "_partial_": True}, "do not fit this network"),
        ("network", {"_target_": "pinn.networks.MLP", "depth": 10**6, "_partial_": True}, "do not fit this network"),
        ("network", {"_target_": "pinn.networks.MLP", "width": 10**9, "_partial_": True}, "do not fit this network"),
    ],
)
def test_only_what_belongs_in_its_place_is_made(copy, place, named, told, monkeypatch):
    monkeypatch.chdir(copy.parent)
    before = set(copy.parent.iterdir())
    configured(copy, **{place: named})
    started = time.perf_counter()
    with pytest.raises(UserError, match=told) as raised:
        load(copy)
    assert str(copy) in str(raised.value)
    assert time.perf_counter() - started < 5  # a million layers take a minute
    assert set(copy.parent.iterdir()) == before


@pytest.mark.parametrize(
    "network",
    [
        {"_target_": "pinn.networks.FourierMLP", "frequencies": 10**8},
        {"_target_": "pinn.networks.MLP", "depth": 10**8},
        {"_target_": "pinn.networks.MLP", "depth": 30},
        {"_target_": "pinn.networks.CorrectedNetwork", "trained": None, "corrections": [{"width": 10**8}]},
    ],
)
def test_a_network_is_no_larger_than_its_parameters(copy, network):
    configured(copy, network=network | {"_partial_": True})
    with pytest.raises(UserError, match="parameters do not fit this network"):
        load(copy)


def test_there_are_no_more_windows_than_parameters(copy):
    with h5py.File(copy, "r+") as file:
        file.attrs["windows"] = 10**9
    with pytest.raises(UserError, match=r"1,000,000,000 windows of time"):
        load(copy)


def _external_data(file, secret):
    del file["u"]
    file.create_dataset("u", (9, 9), "f8", external=[(str(secret), 0, 9 * 9 * 8)])


def _external_link(file, secret):
    del file["config"]
    file["config"] = h5py.ExternalLink(str(secret), "/config")


def _external_group(file, secret):
    del file["VTKHDF"]
    file["VTKHDF"] = h5py.ExternalLink(str(secret), "/")


def _virtual(file, secret):
    del file["error/u"]
    layout = h5py.VirtualLayout((9, 9), "f8")
    layout[...] = h5py.VirtualSource(str(secret), "u", (9, 9))
    file["error"].create_virtual_dataset("u", layout)


def _soft_link(file, secret):
    file["training/again"] = h5py.SoftLink("/training")


def _circle(file, secret):
    file["training/again"] = file["training"]
    file["training/step"].attrs["metric"] = "step"


def _nothing_stored(file, secret):
    del file["training/step"]
    file.create_dataset("training/step", (10**9,), "f8", chunks=(10**5,)).attrs["metric"] = "step"


def _zeros(file, secret):
    file.create_dataset("training/loss", data=np.zeros(6 * 10**7), chunks=(10**6,), compression=9).attrs["metric"] = "l"


def _references(file, secret):
    file.create_dataset("training/loss", data=np.array([file["u"].ref]), dtype=h5py.ref_dtype).attrs["metric"] = "loss"


def _other_shape(file, secret):
    del file["error/u"]
    file["error/u"] = np.zeros((3, 9))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_external_data, "has the data of /u in another file"),
        (_external_link, "leads elsewhere by /config"),
        (_external_group, "leads elsewhere by /VTKHDF"),
        (_virtual, "takes the data of /error/u from elsewhere"),
        (_soft_link, "leads elsewhere by /training/again"),
        (_circle, "has no attribute|is damaged"),
        (_nothing_stored, "says 8,000,000,000 bytes of /training/step and holds none"),
        (_zeros, "bytes in memory|bytes of /training/loss"),
        (_references, "of a kind that is neither number nor text"),
        (_other_shape, r"shape \(3, 9\), the nodes \(9, 9\)"),
    ],
)
def test_a_file_holds_its_data_itself(copy, change, told):
    secret = copy.with_name("secret")
    secret.write_text(SECRET)
    if change is _external_link:
        with h5py.File(secret, "w") as file:
            file["config"] = SECRET
    with h5py.File(copy, "r+") as file:
        change(file, secret)
    started = time.perf_counter()
    with pytest.raises(UserError, match=told) as raised:
        load(copy)
    assert time.perf_counter() - started < 5
    assert str(copy) in str(raised.value)
    assert SECRET.strip() not in str(raised.value)


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "solution.h5")
    for read in (load, describe):  # which would wait for a writer
        with pytest.raises(UserError, match=r"solution\.h5 is no regular file"):
            read(tmp_path)


def test_aliases_do_not_grow():
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{k}: &a{k} [{', '.join(9 * [f'*a{k - 1}'])}]\n" for k in range(1, 9))
    with pytest.raises(UserError, match="more than 300,000 values"):
        read_yaml(bomb)
    for text, told in (
        ("&a [*a]", "not complete"),
        ("[" * 99, "nested"),
        ("{", "no YAML"),
        ("x" * 2**23, "characters"),
    ):
        with pytest.raises(UserError, match=told):
            read_yaml(text)
    assert read_yaml("a: &a [1, 2.5]\nb: *a\nc: null") == {"a": [1, 2.5], "b": [1, 2.5], "c": None}


def test_what_steers_a_terminal_is_taken_out():
    assert printable("a\x1b[31mb\r\x9b2J\u202ec\td\n[u_x] é") == "a\ufffd[31mb\ufffd\ufffd2J\ufffdc\td\n[u_x] é"


def test_a_file_that_turns_in_circles_takes_no_longer_than_it_may(copy, monkeypatch):
    def turn(file):
        while True:
            pass

    monkeypatch.setattr(soundness, "look_at", turn)
    monkeypatch.setattr(soundness, "SECONDS", 1)
    with pytest.raises(UserError, match="is damaged: reading it takes for ever"):
        load(copy)
    monkeypatch.setattr(soundness, "look_at", lambda file: os.kill(os.getpid(), 11))
    copy.touch()
    with pytest.raises(UserError, match=r"is damaged: reading it crashes the HDF5 library \(-11\)"):
        load(copy)
    monkeypatch.setattr(soundness, "look_at", lambda file: bytearray(2**30))
    copy.touch()
    with pytest.raises(UserError, match=r"MemoryError|is damaged"):
        load(copy)

import jax
import numpy as np
import pytest

from experiments.analysis import peers
from experiments.analysis.peers import floor_program, packed_keys, torch_program

CASES = pytest.mark.parametrize(("shape", "axis"), [((17,), 0), ((5, 4), 0), ((3, 6, 2), 1)])


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@CASES
def test_floor_sorts_the_keys_and_gathers_the_elements(shape, axis):
    x = normal(shape)
    keys, values = floor_program(x, axis)()
    np.testing.assert_array_equal(values, np.sort(x, axis))
    np.testing.assert_array_equal(keys & np.uint64(0xFFFFFFFF), np.argsort(x, axis))


def test_packed_keys_keep_equal_elements_in_order():
    x = np.array([np.inf, 0.0, -1e-38, -0.0, 1.0, -np.inf, 1.0, 3e38], np.float32)
    order = np.sort(packed_keys(x, 0)) & np.uint64(0xFFFFFFFF)
    np.testing.assert_array_equal(order, np.argsort(x, kind="stable"))


@CASES
def test_torch_sorts_and_has_the_gradient(shape, axis):
    pytest.importorskip("torch")
    x, cotangent = normal(shape), normal(shape, seed=1)
    values, gradient = torch_program(x, cotangent, axis)()
    np.testing.assert_array_equal(values.numpy(), np.sort(x, axis))
    by_rank = np.take_along_axis(gradient.numpy(), np.argsort(x, axis), axis)
    np.testing.assert_array_equal(by_rank, cotangent)


def test_torch_is_a_peer_only_where_it_is_installed(monkeypatch):
    x = jax.numpy.asarray(normal((4,)))
    monkeypatch.setattr(peers, "torch_version", lambda: None)
    assert list(peers.peers(x, x, 0)) == ["floor"]


def test_there_are_no_peers_on_an_accelerator(monkeypatch):
    x = jax.numpy.asarray(normal((4,)))
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert peers.peers(x, x, 0) == {}

import types

import jax
import numpy as np
import pytest

from experiments.benchmarks import peers
from experiments.benchmarks.peers import numpy_program, packed_keys, torch_program, torch_sort_program

CASES = pytest.mark.parametrize(("shape", "axis"), [((17,), 0), ((5, 4), 0), ((3, 6, 2), 1)])


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@CASES
def test_numpy_sorts_the_keys_and_gathers_the_elements(shape, axis):
    x = normal(shape)
    keys, values = numpy_program(x, axis)()
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
    values, gradient = torch_program(x, cotangent, axis, "cpu")()
    np.testing.assert_array_equal(values.numpy(), np.sort(x, axis))
    by_rank = np.take_along_axis(gradient.numpy(), np.argsort(x, axis), axis)
    np.testing.assert_array_equal(by_rank, cotangent)


@CASES
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32"])
def test_torch_gives_values_and_indices(shape, axis, dtype):
    pytest.importorskip("torch")
    x = np.asarray(jax.numpy.asarray(100 * normal(shape)).astype(dtype))
    values, indices = torch_sort_program(x, axis, "cpu")()
    np.testing.assert_array_equal(values.double().numpy(), np.sort(x.astype(np.float64), axis))
    np.testing.assert_array_equal(np.take_along_axis(x, indices.numpy(), axis), np.sort(x, axis))


def test_torch_is_a_peer_only_where_it_is_installed(monkeypatch):
    x = jax.numpy.asarray(normal((4,)))
    monkeypatch.setattr(peers, "torch_version", lambda: None)
    assert list(peers.peers(x, x, 0)) == ["numpy_packed"]
    assert peers.peers(x.astype("bfloat16"), x, 0) == {}


def test_peers_on_a_gpu_are_those_that_use_it(monkeypatch):
    x = jax.numpy.asarray(normal((4,)))
    synchronised = []
    cuda = types.SimpleNamespace(is_available=lambda: True, synchronize=lambda: synchronised.append(True))
    tensor = types.SimpleNamespace(requires_grad_=lambda: tensor, detach=lambda: tensor)
    torch = types.SimpleNamespace(
        cuda=cuda,
        tensor=lambda _, device: devices.append(device) or tensor,
        sort=lambda _, **__: types.SimpleNamespace(values=tensor),
        autograd=types.SimpleNamespace(grad=lambda *_: (tensor,)),
    )
    devices: list[str] = []
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(peers, "torch_version", lambda: "2.13.0")
    monkeypatch.setattr(peers.importlib, "import_module", lambda name: {"torch": torch}[name])
    programs = peers.peers(x, x, 0)
    assert list(programs) == ["torch"]
    programs["torch"]()
    assert devices == ["cuda", "cuda"]
    assert synchronised == [True], "a GPU is still at work when a call returns"
    cuda.is_available = lambda: False
    assert peers.peers(x, x, 0) == {}

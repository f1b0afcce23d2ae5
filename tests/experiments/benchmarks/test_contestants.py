import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from experiments.benchmarks import contestants
from experiments.benchmarks.contestants import (
    engine_of_manual,
    forms,
    forward_and_backward,
    implementations,
    import_torch,
    peers,
)
from experiments.benchmarks.suites import DTYPES, Case

SHAPES = pytest.mark.parametrize(("shape", "axis"), [((17,), 0), ((5, 4), 0), ((3, 6, 2), 1)])


def test_manual_comes_first_and_stands_for_the_engine_that_it_takes():
    names, engines = implementations(), set(contestants._engines())
    assert names[0] == "manual"
    assert set(names) <= set(diffsort.implementation_names())
    assert {"builtin", "double_argsort"} <= set(names)
    assert engines - set(names) == {f"manual:{engine_of_manual()}"}
    is_native = "manual:native" in engines
    assert engine_of_manual() == ("native" if is_native else "xla")


def test_the_kernel_does_not_compete_on_an_accelerator(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert contestants._engines() == ["manual:xla"]


@pytest.mark.parametrize("name", implementations())
def test_what_is_timed_is_the_sort_and_its_gradient(name):
    x, cotangent = (jax.random.normal(jax.random.key(seed), (5, 4)) for seed in (0, 1))
    values, gradient = jax.jit(forward_and_backward(name, 0))(x, cotangent)
    order = np.argsort(np.asarray(x), 0)
    np.testing.assert_array_equal(values, np.sort(np.asarray(x), 0))
    np.testing.assert_array_equal(np.take_along_axis(np.asarray(gradient), order, 0), cotangent)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("has_ties", [False, True])
def test_every_form_is_the_stable_sort(dtype, has_ties):
    with jax.enable_x64(dtype.endswith("64")):
        x = Case((5, 300), 1, dtype).array(0)
        x = x[:, :3].repeat(100, 1) if has_ties else x
        found = {name: jax.jit(form)(x) for name, form in forms(x).items()}
    order = np.argsort(np.asarray(x, np.float64 if dtype != "int64" else None), -1, kind="stable")
    for name, (values, indices) in found.items():
        assert (values.dtype, indices.dtype) == (x.dtype, jnp.int32), name
        np.testing.assert_array_equal(indices, order, name)
        np.testing.assert_array_equal(values, np.take_along_axis(np.asarray(x), order, -1), name)


@pytest.mark.parametrize(
    ("dtype", "n", "packed"),
    [
        ("bfloat16", 2**16, ["packed int32", "packed int64"]),
        ("bfloat16", 2**16 + 1, ["packed int64"]),
        ("float32", 64, ["packed int64"]),
        ("float32", 2**31, ["packed int64"]),
        ("int64", 64, []),
    ],
)
def test_words_hold_key_and_index(dtype, n, packed):
    with jax.enable_x64(True):
        x = jax.ShapeDtypeStruct((1, n), dtype)
        assert [name for name in forms(x) if name.startswith("packed")] == packed


@SHAPES
def test_numpy_sorts_the_keys_and_gathers_the_elements(shape, axis):
    x = Case(shape, axis).array(0)
    values, keys = peers(x, axis, x)["numpy_packed"]()
    np.testing.assert_array_equal(values, np.sort(x, axis))
    np.testing.assert_array_equal(keys & np.uint64(0xFFFFFFFF), np.argsort(x, axis))


def test_packed_keys_keep_equal_elements_in_order():
    x = jnp.array([np.inf, 0.0, -1e-38, -0.0, 1.0, -np.inf, 1.0, 3e38], jnp.float32)
    _, keys = peers(x, 0, x)["numpy_packed"]()
    np.testing.assert_array_equal(keys & np.uint64(0xFFFFFFFF), jnp.argsort(x))


@SHAPES
def test_torch_sorts_and_has_the_gradient(shape, axis):
    pytest.importorskip("torch")
    x, cotangent = (Case(shape, axis).array(seed) for seed in (0, 1))
    values, gradient = peers(x, axis, cotangent)["torch"]()
    np.testing.assert_array_equal(values.numpy(), np.sort(x, axis))
    by_rank = np.take_along_axis(gradient.numpy(), np.argsort(x, axis), axis)
    np.testing.assert_array_equal(by_rank, cotangent)


@SHAPES
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32"])
def test_torch_gives_values_and_indices(shape, axis, dtype):
    pytest.importorskip("torch")
    x = Case(shape, axis, dtype).array(0)
    values, indices = peers(x, axis)["torch"]()
    x = np.asarray(x)
    np.testing.assert_array_equal(values.double().numpy(), np.sort(x.astype(np.float64), axis))
    np.testing.assert_array_equal(np.take_along_axis(x, indices.numpy(), axis), np.sort(x, axis))


def test_peers_on_a_cpu_are_those_that_are_installed_and_can(monkeypatch):
    x = Case((4,), 0).array(0)
    assert ("torch" in peers(x, 0)) == (import_torch() is not None)
    monkeypatch.setattr(contestants, "import_torch", lambda: None)
    assert list(peers(x, 0, x)) == ["numpy_packed"]
    assert peers(x, 0) == peers(x.astype("bfloat16"), 0, x) == {}


def test_peers_on_a_gpu_are_those_that_use_it(monkeypatch):
    x = Case((4,), 0).array(0)
    synchronised = []
    cuda = types.SimpleNamespace(is_available=lambda: True, synchronize=lambda: synchronised.append(True))
    tensor = types.SimpleNamespace(requires_grad_=lambda _: tensor, detach=lambda: tensor)
    torch = types.SimpleNamespace(
        cuda=cuda,
        float32=None,
        tensor=lambda _, *, device, **__: devices.append(device) or tensor,
        sort=lambda _, **__: (tensor, tensor),
        autograd=types.SimpleNamespace(grad=lambda *_: (tensor,)),
    )
    devices: list[str] = []
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(contestants, "import_torch", lambda: torch)
    programs = peers(x, 0, x)
    assert list(programs) == ["torch"]
    programs["torch"]()
    assert devices == ["cuda", "cuda"]
    assert synchronised == [True], "a GPU is still at work when a call returns"
    cuda.is_available = lambda: False
    assert peers(x, 0, x) == {}

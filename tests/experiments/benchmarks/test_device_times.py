import types

import jax
import pytest

from experiments.benchmarks import device_times, peers
from experiments.benchmarks.contestants import implementations
from experiments.benchmarks.device_times import SORT_ALONE, VALUES_AND_INDICES, cases, run_devices
from experiments.benchmarks.results import RUN_TIME
from experiments.benchmarks.sort_forms import forms


@pytest.mark.parametrize("suite", device_times.SUITES)
def test_a_suite_times_values_and_indices_and_the_gradient_if_there_is_one(suite, monkeypatch):
    monkeypatch.setattr(device_times, "_ON_CPU", 4096)
    monkeypatch.setattr(device_times, "DTYPES", ("bfloat16", "int64"))
    monkeypatch.setattr(device_times, "ROW_LENGTHS", (16,))
    monkeypatch.setattr(device_times, "LENGTHS", (1000,))
    found = cases(suite)
    results = list(run_devices(suite, 0.0))
    sorts = [r for r in results if r.quantity == VALUES_AND_INDICES]
    torch = {"torch"} if peers.torch_version() else set()
    assert [r.case for r in sorts] == list(map(str, found))
    for case, result in zip(found, sorts, strict=True):
        with jax.enable_x64(True):
            expected = {*forms(jax.ShapeDtypeStruct(case.shape, case.dtype)), SORT_ALONE, *torch}
        ours = {name for name in implementations() if name.startswith("manual")}
        assert (result.suite, result.elements, result.failures) == (suite, case.shape[0] * case.shape[1], {})
        assert set(result.measurements) == expected | ours
    gradients = [r for r in results if r.quantity == RUN_TIME]
    assert [r.case for r in gradients] == [str(c) for c in found if "float" in c.dtype]
    assert all(set(implementations()) <= set(r.measurements) for r in gradients)


def on_a_device(monkeypatch, memory):
    device = types.SimpleNamespace(memory_stats=lambda: memory)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "local_devices", lambda: [device])


@pytest.mark.parametrize(("memory", "longest"), [(None, 10**8), ({"bytes_limit": 2**30}, 10**7)])
def test_long_rows_fill_the_memory_of_a_device(memory, longest, monkeypatch):
    on_a_device(monkeypatch, memory)
    assert cases("long")[-1].shape == (1, longest)


def test_rows_are_of_all_lengths_and_as_many_as_keep_a_device_busy(monkeypatch):
    on_a_device(monkeypatch, None)
    shapes = [case.shape for case in cases("many")]
    assert [n for _, n in shapes] == [16, 64, 256, 1024, 4096]
    assert {rows * n for rows, n in shapes} == {2**24}

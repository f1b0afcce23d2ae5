import types

import jax
import numpy as np
import pytest

from experiments.benchmarks import patterns, ragged, soft, suites
from experiments.benchmarks.contestants import forms, implementations, import_torch
from experiments.benchmarks.measurements import RUN_TIME
from experiments.benchmarks.soft import methods, softjax_twin, softjax_version, time_relaxed
from experiments.benchmarks.suites import SHAPES, SUITES, Case, cases, gradient_memory, run_suite, time_steps

TORCH = {"torch"} if import_torch() else set()
OURS = {name for name in implementations() if name.startswith("manual")}
SOFT = ("bitonic", "softsort")


@pytest.fixture
def small(monkeypatch):
    """The same suites, of shapes that take no time."""
    for suite, shapes in SHAPES.items():
        tiny = {(3,) * len(shape): axis for shape, axis in shapes.items()}
        monkeypatch.setitem(SHAPES, suite, tiny)
    monkeypatch.setattr(suites, "_ON_CPU", 4096)
    monkeypatch.setattr(suites, "DTYPES", ("bfloat16", "int64"))
    monkeypatch.setattr(suites, "ROW_LENGTHS", (16,))
    monkeypatch.setattr(suites, "LENGTHS", (1000,))
    monkeypatch.setattr(suites, "_LEAST", 2)
    monkeypatch.setattr(soft, "methods", lambda: SOFT)
    monkeypatch.setattr(patterns, "COLD_BYTES", 40)


def expected(suite: str, case: Case) -> list[tuple[str, str, set[str]]]:
    """The quantity, the unit and the contestants of each result of a case."""
    everybody = set(implementations())
    numpy = {"numpy_packed"} if case.dtype == "float32" else set()
    gradient = (RUN_TIME, "ms", everybody | TORCH | numpy)
    if suite == "soft":
        twins = {softjax_twin(name) for name in SOFT} if softjax_version() else set()
        return [(RUN_TIME, "ms", {"manual", *SOFT} | twins)]
    if suite == "dispatch":
        return [(RUN_TIME, "ms", {"manual", "builtin", "gather", "one-hot"})]
    if suite == "top_k":
        both = {"manual", "jax.lax.top_k"} | TORCH
        return [
            ("values and indices", "ms", both | {"numpy_argpartition"}),
            ("forward and backward", "ms", both),
        ]
    if suite == "patterns":
        found = [f"values, {name}, {state}" for name in patterns.PATTERNS for state in ("hot", "cold")]
        return [(quantity, "ms", {"manual", "numpy"} | TORCH) for quantity in found]
    if suite in ("memory", "compile"):
        first, second = {
            "memory": ("kept from forward to backward", "temporaries of backward"),
            "compile": ("tracing and lowering", "compiling"),
        }[suite]
        unit = "ms" if suite == "compile" else "× the input"
        return [(first, unit, everybody), (second, unit, everybody)]
    if suite not in ("dtypes", "many", "long"):
        return [gradient]
    with jax.enable_x64(True):
        found = {*forms(jax.ShapeDtypeStruct(case.shape, case.dtype)), "jnp.sort alone"}
    sorts = ("values and indices", "ms", OURS | found | TORCH)
    return [sorts, gradient] if "float" in case.dtype else [sorts]


@pytest.mark.parametrize("suite", sorted(set(SUITES) - {"step", "loop", "ragged"}))
@pytest.mark.usefixtures("small")
def test_a_suite_measures_every_contestant_in_each_of_its_cases(suite):
    results = list(run_suite(suite, 0.0, lambda: pytest.fail("needs no config")))
    wanted = [(case, *rest) for case in cases(suite) for rest in expected(suite, case)]
    assert wanted
    for result, (case, quantity, unit, names) in zip(results, wanted, strict=True):
        assert (result.suite, result.quantity, result.unit, result.failures) == (suite, quantity, unit, {})
        assert result.case.startswith(str(case))
        assert set(result.measurements) == names
        assert {m.repeats == 1 for m in result.measurements.values()} == {suite == "memory"}


def test_a_step_is_timed_with_each_implementation_and_with_maxpool(configure):
    result = time_steps(configure, 0.0)
    assert (result.suite, result.quantity, result.unit) == ("step", RUN_TIME, "ms")
    assert tuple(result.measurements) == (*implementations(), "maxpool")
    assert result.elements > 0


@pytest.mark.slow
def test_a_loop_takes_about_as_long_as_its_steps(configure):
    (result,) = run_suite("loop", 0.0, configure)
    assert (result.suite, result.unit) == ("loop", "× its steps'")
    assert tuple(result.measurements) == ("steps_per_call=1", "steps_per_call=10", "steps_per_call=50")
    assert all(measured.median > 0.1 for measured in result.measurements.values())


def test_training_steps_ask_for_their_config():
    with pytest.raises(LookupError, match="asked"):
        next(run_suite("step", 0.0, lambda *_: (_ for _ in ()).throw(LookupError("asked"))))


@pytest.fixture(scope="module")
def memory():
    return {name: gradient_memory(name, Case((64, 512), 1)) for name in implementations()}


def test_what_manual_keeps_is_a_permutation_in_16_bits_and_no_more(memory):
    assert all(memory[name][0] == 0.5 for name in OURS)


def test_the_gradients_temporaries_are_no_larger_than_the_input(memory):
    assert all(memory[name][1] <= 1 for name in OURS)
    # Zero would mean that what was kept had become a constant of the program.
    assert memory["builtin"][1] > 1


def on_a_device(monkeypatch, memory):
    device = types.SimpleNamespace(memory_stats=lambda: memory)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "local_devices", lambda: [device])


@pytest.mark.parametrize(("memory", "longest"), [(None, 10**8), ({"bytes_limit": 2**30}, 10**7)])
def test_long_rows_fill_the_memory_of_a_device(memory, longest, monkeypatch):
    on_a_device(monkeypatch, memory)
    assert cases("long")[-1].shape == (longest,)


def test_rows_are_of_all_lengths_and_as_many_as_keep_a_device_busy(monkeypatch):
    on_a_device(monkeypatch, None)
    shapes = [case.shape for case in cases("many")]
    assert [n for _, n in shapes] == [16, 64, 256, 1024, 4096]
    assert {rows * n for rows, n in shapes} == {2**24}


def test_scaling_reaches_from_a_pair_to_ten_million():
    lengths = [case.shape[0] for case in cases("scaling")]
    assert (lengths[0], lengths[-1]) == (2, 10_000_000)


def test_a_case_tells_the_axis_where_there_is_a_choice():
    assert str(Case((1_000_000,), 0)) == "1,000,000"
    assert str(Case((16, 256, 64), 1)) == "16×256×64, axis 1"


def test_relaxed_sorts_that_would_take_too_long_are_left_out_with_a_reason(monkeypatch):
    monkeypatch.setitem(soft._LONGEST, "bitonic", (3, "time grows"))
    monkeypatch.setattr(soft, "methods", lambda: SOFT)
    x = jax.numpy.ones((2, 4))
    times, failures = time_relaxed(x, x, 0.0)
    assert "softsort" in times
    assert "bitonic" not in times
    assert failures["bitonic"] == "time grows"


def test_every_relaxed_sort_takes_part_and_no_other():
    assert {"lapsum", "softsort", "odd_even", "bitonic"} <= set(methods())
    assert not [name for name in methods() if ":" in name or name.startswith("manual")]


def test_ragged_sets_beside_padded_ones(monkeypatch):
    monkeypatch.setattr(ragged, "SIZES", {"sets": np.array([1, 4, 40])})
    monkeypatch.setattr(ragged, "FEATURES", 2)
    results = list(run_suite("ragged", 0.0, lambda: pytest.fail("needs no config")))
    assert [result.quantity for result in results] == [RUN_TIME, "memory"] * 2
    assert all(result.measurements.keys() == {"manual", "padded"} for result in results)
    assert not any(result.failures for result in results)
    assert all(result.elements == 45 * 2 for result in results)
    quantiles = results[-1].measurements
    assert quantiles["manual"].median < quantiles["padded"].median

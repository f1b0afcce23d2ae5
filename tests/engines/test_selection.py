"""A selection is a part of the sort, bit for bit; and the sort is held against Python's own elsewhere."""

import re
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from diffsort.engines import Engine, library, xla
from tests.engines.test_xla import zeroed
from tests.oracles import assert_same_bits, special_values

ENGINES = [Engine("xla"), *([] if library.why_unavailable() else [Engine("native")])]
# By the way in which the kernel selects: the shape, the axis, and ranks.
WAYS: dict[str, tuple[tuple[int, ...], int, tuple[int, int]]] = {
    "rows too short": ((40, 20), 1, (0, 3)),
    "rows": ((50, 250), 1, (0, 3)),
    "the end of rows": ((20, 300), 1, (295, 300)),
    "within rows": ((3, 900), 1, (400, 450)),
    "columns": ((3, 250, 18), 1, (0, 4)),
    "too many ranks": ((2, 200), 1, (3, 160)),
    "a row of all threads": ((70_000,), 0, (69_000, 69_100)),
}


def patterns(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Rows of special values, few different ones, sorted ones, one alone, and plain ones."""
    random = np.random.default_rng(0)
    special = special_values(dtype)
    x = random.choice(special, shape)
    plain = random.integers(0, 100, shape).astype(dtype)
    x = np.where(random.random(shape) < 0.5, x, plain)
    if len(shape) > 1:
        x[0] = np.sort(plain[0], 0)
        x[1] = special[0]
    return x


@cache
def compiled(engine: Engine) -> Any:
    """All ways in one program for each dtype."""

    def program(
        xs: dict[str, jax.Array], masks: dict[str, jax.Array]
    ) -> dict[tuple[str, bool, bool], tuple[Any, Any]]:
        results = {}
        for way, x in xs.items():
            _, axis, (start, stop) = WAYS[way]
            for descending, is_masked in ((False, False), (True, False), (True, True)):
                given = zeroed(x, masks[way]) if is_masked else x
                where = masks[way] if is_masked else None
                options: dict[str, Any] = {"axis": axis, "descending": descending, "where": where}
                whole = engine.sort_with_indices(given, **options)
                part = [jax.lax.slice_in_dim(a, start, stop, axis=axis) for a in whole]
                found = engine.select(given, start=start, stop=stop, **options)
                results[way, descending, is_masked] = found, part
        return results

    return jax.jit(program)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64", "int32", "uint8", "float8_e5m2"])
@pytest.mark.parametrize("engine", ENGINES, ids=repr)
def test_a_selection_is_a_part_of_the_sort(engine: Engine, dtype: str) -> None:
    ways = WAYS if engine.name == "native" else ["rows", "columns"]
    xs = {way: patterns(dtype, WAYS[way][0]) for way in ways}
    masks = {way: np.random.default_rng(1).random(x.shape) < 0.7 for way, x in xs.items()}
    with jax.enable_x64(dtype == "float64"):
        results = jax.device_get(compiled(engine)(xs, masks))
    for what, (found, part) in results.items():
        for actual, expected in zip(found, part, strict=True):
            assert_same_bits(actual, expected, str(what))


@pytest.mark.parametrize("is_masked", [False, True])
@pytest.mark.parametrize("ranks", [(0, 3), (8, 12)])
def test_the_form_for_other_platforms_finds_the_same(ranks: tuple[int, int], is_masked: bool) -> None:
    x = np.float32([[2, np.nan, 0, 1, -0.0, 2, np.inf, np.nan, 2, -np.inf, 1, 5]] * 2)
    where = np.array([[True] * 12, [True, False] * 6]) if is_masked else None
    for descending in (False, True):
        for ties_reversed in (False, True):
            order: dict[str, Any] = {"descending": descending, "ties_reversed": ties_reversed}
            whole = Engine("xla").argsort(jnp.asarray(x), axis=1, where=where, **order)
            found = xla.select_at_an_end(x, where, axis=1, start=ranks[0], stop=ranks[1], **order)
            assert_same_bits(found, whole[:, slice(*ranks)], str(order))


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_elsewhere_an_end_is_xlas_own_and_the_rest_is_sorted(platform: str) -> None:
    def lowered(start: int, stop: int) -> str:
        select = partial(Engine("best").select, axis=1, start=start, stop=stop, descending=False, where=None)
        traced = jax.jit(select).trace(jnp.zeros((4, 600)))
        return traced.lower(lowering_platforms=(platform,)).as_text()

    for ranks in ((0, 5), (595, 600)):
        assert "top_k" in lowered(*ranks)
        assert "stablehlo.sort" not in lowered(*ranks)
    assert "top_k" not in lowered(200, 210)
    assert "stablehlo.sort" in lowered(200, 210)


def test_an_engine_of_ones_own_sorts() -> None:
    diffsort.register_engine(
        "reversed", argsort=lambda x, **o: jnp.argsort(x, o["axis"], descending=not o["descending"])
    )
    x = jnp.asarray(np.random.default_rng(0).permutation(300).astype(np.float32))
    values, _ = diffsort.top_k(x, 4, implementation="manual:reversed")
    assert values.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("engine", ENGINES, ids=repr)
def test_its_derivatives_are_those_of_a_sort_and_a_slice(engine: Engine) -> None:
    """Of third order, both modes at once, with ties: small whole numbers, so exact."""
    random = np.random.default_rng(0)
    x, tangent = (jnp.asarray(random.integers(-9, 9, (3, 300)), jnp.float32) for _ in range(2))

    def derivatives(first: Any) -> tuple[jax.Array, ...]:
        def cube(x: jax.Array) -> jax.Array:
            return (jnp.arange(1, 6, dtype=x.dtype)[None] * first(x) ** 3).sum()

        gradient = jax.grad(cube)
        product = jax.grad(lambda x: (gradient(x) * tangent).sum())
        third = jax.jvp(product, (x,), (tangent,))[1]
        return first(x), gradient(x), product(x), third, jax.vmap(gradient)(x[:, None])

    name = f"manual:{engine.name}"
    found = jax.jit(lambda: derivatives(lambda x: diffsort.top_k(x, 5, implementation=name)[0]))()
    expected = jax.jit(
        lambda: derivatives(lambda x: diffsort.sort_with_indices(x, descending=True)[0][:, :5])
    )()
    jax.tree.map(assert_same_bits, found, expected)


@pytest.mark.parametrize("engine", ENGINES, ids=repr)
def test_only_the_indices_are_kept_and_the_backward_pass_is_one_scatter(engine: Engine) -> None:
    def top(x: jax.Array) -> jax.Array:
        return diffsort.top_k(x, 5, implementation=f"manual:{engine.name}")[0]

    x = jax.ShapeDtypeStruct((3, 600), jnp.float32)
    kept = jax.tree.leaves(jax.eval_shape(lambda x: jax.vjp(top, x)[1], x))
    assert [(leaf.shape, leaf.dtype) for leaf in kept] == [((3, 5), jnp.int32)]
    text = jax.jit(jax.grad(lambda x: top(x).sum())).lower(x).as_text()
    scatters = re.findall(r'"stablehlo\.scatter".*?unique_indices = (\w+)', text, re.DOTALL)
    assert scatters == (["true"] if engine.name == "xla" else [])
    assert text.count(library.PUT) == (engine.name == "native")


@pytest.mark.parametrize("dtype", ["float8_e5m2", "bfloat16", "float32", "float64", "complex128"])
@pytest.mark.parametrize(("shape", "axis"), [((7, 300), 1), ((3, 40, 5), 1), ((200_000,), 0)], ids=str)
def test_put_is_the_transpose_of_take(shape: tuple[int, ...], axis: int, dtype: str) -> None:
    random = np.random.default_rng(0)
    x = random.integers(1, 9, shape).astype(dtype)
    indices = random.random(shape).argsort(axis).astype(np.int32).take(range(4), axis)
    taken = np.take_along_axis(x, indices, axis)
    expected = np.zeros_like(x)
    np.put_along_axis(expected, indices, taken, axis)
    for engine in ENGINES:
        with jax.enable_x64(dtype in ("float64", "complex128")):
            put = engine.put(jnp.asarray(taken), jnp.asarray(indices), axis, shape[axis])
            np.testing.assert_array_equal(put, expected)
            np.testing.assert_array_equal(engine.take(jnp.asarray(x), jnp.asarray(indices), axis), taken)


def test_empty_arrays() -> None:
    for shape, axis in (((0, 300), 1), ((300, 0), 0)):
        values, indices = diffsort.top_k(jnp.zeros(shape), 5, axis)
        assert values.shape == indices.shape == tuple(5 if d == axis else n for d, n in enumerate(shape))
    assert diffsort.top_k(jnp.zeros((2, 300)), 0)[0].shape == (2, 0)

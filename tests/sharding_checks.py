"""Sorting over eight devices. Collected by test_sharding.py, in a process of its own."""

import functools
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

import diffsort
from diffsort import experts
from diffsort.engines import library
from tests.oracles import FEW_IMPLEMENTATIONS, argsort_by_jnp, assert_same_bits

AXIS = 1  # the one that is sorted
SHAPE = (8, 5, 4)
RANDOM = np.random.default_rng(0)
X = RANDOM.permutation(np.prod(SHAPE)).reshape(SHAPE).astype(np.float32)
WEIGHTS = RANDOM.integers(1, 9, SHAPE).astype(np.float32)
WHERE = RANDOM.random(SHAPE) < 0.7

LAYOUTS = [P("a"), P("a", None, "b"), P(None, None, "a"), P(("a", "b")), P()]
COMMUNICATION = re.compile(r"all-gather|all-reduce|all-to-all|collective-permute|reduce-scatter")


@functools.cache
def own_engine() -> diffsort.Implementation:
    return diffsort.register_engine("own", argsort=argsort_by_jnp)


with_layouts = pytest.mark.parametrize("layout", LAYOUTS, ids=str)
with_implementations = pytest.mark.parametrize("implementation", FEW_IMPLEMENTATIONS)


def mesh(kind: AxisType) -> Mesh:
    return jax.make_mesh((4, 2), ("a", "b"), axis_types=(kind, kind))


@pytest.fixture
def auto() -> Mesh:
    return mesh(AxisType.Auto)


@pytest.fixture
def explicit() -> Iterator[Mesh]:
    with jax.set_mesh(mesh(AxisType.Explicit)) as chosen:
        yield chosen if chosen is not None else jax.sharding.get_mesh()


def laid_out(array: Any, mesh: Mesh, layout: P) -> jax.Array:
    return jax.device_put(array, NamedSharding(mesh, layout))


def pull_back(x: jax.Array, cotangent: jax.Array, where: Any = None, **options: Any) -> tuple[jax.Array, ...]:
    """Sorted values, and the cotangent taken back through the sort."""
    value, transposed = jax.vjp(lambda x: diffsort.sort(x, AXIS, where=where, **options), x)
    return value, *transposed(cotangent)


def expected_pull_back(where: Any = None) -> tuple[np.ndarray, np.ndarray]:
    keys = X if where is None else np.where(where, X, np.inf)
    order = np.argsort(keys, AXIS)
    valid = np.broadcast_to(True if where is None else where, SHAPE)
    values = np.take_along_axis(np.where(valid, X, 0), order, AXIS)
    cotangent = np.zeros_like(WEIGHTS)
    np.put_along_axis(cotangent, order, WEIGHTS, AXIS)
    return values, np.where(valid, cotangent, np.float32(0))


def test_there_are_eight_devices() -> None:
    assert jax.device_count() == 8


class TestAuto:
    @with_layouts
    @with_implementations
    def test_a_gradient_moves_no_data(self, auto: Mesh, implementation: str, layout: P) -> None:
        x, weights, where = (laid_out(a, auto, layout) for a in (X, WEIGHTS, WHERE))

        def program(x: jax.Array, weights: jax.Array, where: jax.Array) -> Any:
            options = {"implementation": implementation}
            return pull_back(x, weights, **options), pull_back(x, weights, where, **options)

        compiled = jax.jit(program).lower(x, weights, where).compile()
        assert not COMMUNICATION.findall(compiled.as_text())
        plain, masked = compiled(x, weights, where)
        for actual, expected in ((plain, expected_pull_back()), (masked, expected_pull_back(WHERE))):
            for a, e in zip(actual, expected, strict=True):
                assert a.sharding.is_equivalent_to(x.sharding, x.ndim)
                assert_same_bits(a, e)

    def test_the_search_for_communication_finds_some(self, auto: Mesh) -> None:
        x = laid_out(X, auto, P("a"))
        text = jax.jit(lambda x: diffsort.sort(x, 0)).lower(x).compile().as_text()
        assert COMMUNICATION.findall(text)

    @with_implementations
    def test_a_split_axis_is_gathered_and_sorted(self, auto: Mesh, implementation: str) -> None:
        x = laid_out(X, auto, P("a", None, "b"))
        sort = jax.jit(partial(diffsort.sort, axis=0, implementation=implementation))
        assert_same_bits(sort(x), np.sort(X, 0))

    @with_implementations
    def test_other_ops(self, auto: Mesh, implementation: str) -> None:
        x = laid_out(X, auto, P("a"))

        def program(x: jax.Array) -> Any:
            return others(x, implementation)

        compiled = jax.jit(program).lower(x).compile()
        assert not COMMUNICATION.findall(compiled.as_text())
        check_others(compiled(x))

    def test_an_engine_of_ones_own(self, auto: Mesh) -> None:
        x, weights = (laid_out(a, auto, P("a", None, "b")) for a in (X, WEIGHTS))
        actual = jax.jit(partial(pull_back, implementation=own_engine()))(x, weights)
        for a, e in zip(actual, expected_pull_back(), strict=True):
            assert_same_bits(a, e)


def others(x: jax.Array, implementation: str) -> dict[str, jax.Array]:
    options = {"axis": AXIS, "implementation": implementation}
    return {
        "rank": diffsort.rank(x, **options),
        "dense": diffsort.rank(x, method="dense", **options),
        "two keys": diffsort.sort_key_val((jnp.zeros_like(x, bool), x), x + 1, **options)[1],
        "top_k": diffsort.top_k(x, 2, **options)[0],
        "top_k, its gradient": jax.grad(lambda x: (diffsort.top_k(x, 2, **options)[0] ** 2).sum())(x),
        "sort_key_val": diffsort.sort_key_val(x, {"v": x + 1}, **options)[1]["v"],
        "rows": diffsort.sort_key_val(x[..., :1], x, **options)[1],
        "permute": diffsort.permute(x, diffsort.argsort(x, **options), AXIS),
        "inverse": diffsort.inverse_permutation(diffsort.argsort(x, **options), AXIS),
    }


def check_others(results: dict[str, jax.Array]) -> None:
    order = np.argsort(X, AXIS).astype(np.int32)
    rows = np.broadcast_to(order[..., :1], SHAPE)
    expected = {
        "rank": np.argsort(order, AXIS).astype(np.int32),
        "dense": np.argsort(order, AXIS).astype(np.int32),
        "two keys": np.sort(X, AXIS) + 1,
        "top_k": np.sort(X, AXIS)[:, :-3:-1],
        "top_k, its gradient": np.where(np.argsort(order, AXIS) >= X.shape[AXIS] - 2, 2 * X, np.float32(0)),
        "sort_key_val": np.sort(X, AXIS) + 1,
        "rows": np.take_along_axis(X, rows, AXIS),
        "permute": np.sort(X, AXIS),
        "inverse": np.argsort(order, AXIS).astype(np.int32),
    }
    for name, value in results.items():
        assert_same_bits(value, expected[name], name)


@pytest.mark.parametrize("layout", [P("a"), P(None, None, "b")])
@pytest.mark.parametrize("kind", ["auto", "explicit"])
def test_segments(kind: str, layout: P, request: pytest.FixtureRequest) -> None:
    """Of each of the sets that are divided among devices, or of each of their features."""
    x = laid_out(X, request.getfixturevalue(kind), layout)
    n = X.shape[AXIS]

    def program(x: jax.Array) -> Any:
        def one(x: jax.Array) -> Any:
            ids = jnp.arange(n, dtype=jnp.int32) % 2
            weights = jnp.arange(n, dtype=x.dtype)
            return (
                diffsort.segment_sort(x, ids, 2),
                diffsort.segment_median(x, ids, 2),
                diffsort.segment_l_statistic(x, weights, ids, 2),
            )

        results, pull_back = jax.vjp(jax.vmap(one), x)
        return results, pull_back(jax.tree.map(jnp.ones_like, results))[0]

    (ordered, median, weighed), gradient = jax.jit(program)(x)
    even, odd = np.sort(X[:, ::2], AXIS), np.sort(X[:, 1::2], AXIS)
    assert_same_bits(ordered, np.concatenate([even, odd], AXIS))
    np.testing.assert_allclose(median, np.stack([np.median(a, AXIS) for a in (even, odd)], AXIS), rtol=1e-6)
    places = np.arange(n, dtype=X.dtype)[:, None]
    count = even.shape[AXIS]
    expected = [(even * places[:count]).sum(AXIS), (odd * places[count:]).sum(AXIS)]
    np.testing.assert_allclose(weighed, np.stack(expected, AXIS), rtol=1e-5, atol=1e-5)
    # Ones for the sort and the medians, and the weights.
    total = X.shape[0] * X.shape[2] * (n + 2 + np.arange(n).sum())
    np.testing.assert_allclose(np.sum(gradient), total, rtol=1e-5)


class TestExplicit:
    @with_layouts
    @with_implementations
    def test_jit(self, explicit: Mesh, implementation: str, layout: P) -> None:
        x, weights = (laid_out(a, explicit, layout) for a in (X, WEIGHTS))
        # A mask may lie elsewhere, and be smaller.
        where, row = laid_out(WHERE, explicit, P(None, None, "b")), laid_out(WHERE[0], explicit, P())

        def program(x: jax.Array, weights: jax.Array, where: jax.Array, row: jax.Array) -> Any:
            options = {"implementation": implementation}
            return [pull_back(x, weights, mask, **options) for mask in (None, where, row)]

        results = jax.jit(program)(x, weights, where, row)
        for actual, mask in zip(results, (None, WHERE, WHERE[0]), strict=True):
            for a, e in zip(actual, expected_pull_back(mask), strict=True):
                assert a.sharding.is_equivalent_to(x.sharding, x.ndim)
                assert_same_bits(a, e)
        text = (
            jax.jit(lambda x, w: pull_back(x, w, implementation=implementation)).lower(x, weights).compile()
        )
        assert not COMMUNICATION.findall(text.as_text())

    @with_implementations
    def test_eager(self, explicit: Mesh, implementation: str) -> None:
        layout = P("a", None, "b")
        x, weights = (laid_out(a, explicit, layout) for a in (X, WEIGHTS))
        where = laid_out(WHERE, explicit, P())
        actual = pull_back(x, weights, where, implementation=implementation)
        for a, e in zip(actual, expected_pull_back(WHERE), strict=True):
            assert jax.typeof(a).sharding.spec == layout
            assert_same_bits(a, e)

    def test_an_engine_of_ones_own(self, explicit: Mesh) -> None:
        layout = P("a", None, "b")
        x, weights, where = (laid_out(a, explicit, layout) for a in (X, WEIGHTS, WHERE))
        actual = jax.jit(partial(pull_back, implementation=own_engine()))(x, weights, where)
        for a, e in zip(actual, expected_pull_back(WHERE), strict=True):
            assert jax.typeof(a).sharding.spec == layout
            assert_same_bits(a, e)

    @pytest.mark.parametrize("layout", [P("a"), P(("a", "b")), P()], ids=str)
    @with_implementations
    def test_other_ops(self, explicit: Mesh, implementation: str, layout: P) -> None:
        check_others(jax.jit(partial(others, implementation=implementation))(laid_out(X, explicit, layout)))

    @pytest.mark.parametrize("layout", [P("a"), P("a", None, "b"), P()], ids=str)
    @with_implementations
    def test_hessian(self, explicit: Mesh, implementation: str, layout: P) -> None:
        x, weights = (laid_out(a, explicit, layout) for a in (X, WEIGHTS))

        def loss(x: jax.Array) -> jax.Array:
            return (weights * diffsort.sort(x, AXIS, implementation=implementation) ** 2).sum()

        def along(x: jax.Array) -> jax.Array:
            return jax.jvp(jax.grad(loss), (x,), (x,))[1]

        _, scattered = expected_pull_back()
        assert_same_bits(jax.jit(along)(x), 2 * X * scattered)
        whole = jax.jit(jax.hessian(loss))(x)
        assert_same_bits(np.asarray(whole).reshape(X.size, X.size) + 0, np.diag(2 * scattered.reshape(-1)))

    @pytest.mark.parametrize(
        ("layout", "mapped"), [(P("a"), 0), (P("a", None, "b"), 0), (P("a", None, "b"), 2)]
    )
    @with_implementations
    def test_vmap_over_a_split_axis(
        self, explicit: Mesh, implementation: str, layout: P, mapped: int
    ) -> None:
        x, weights = (laid_out(a, explicit, layout) for a in (X, WEIGHTS))
        axis = AXIS - (mapped < AXIS)

        def loss(x: jax.Array, weights: jax.Array) -> jax.Array:
            return (weights * diffsort.sort(x, axis, implementation=implementation)).sum()

        gradient = jax.jit(jax.vmap(jax.grad(loss), mapped, mapped))(x, weights)
        assert_same_bits(gradient, expected_pull_back()[1])

    @pytest.mark.parametrize("layout", [P("a"), P("a", None, "b"), P(("a", "b"))], ids=str)
    @with_implementations
    def test_l_statistic(self, explicit: Mesh, implementation: str, layout: P) -> None:
        x = laid_out(X, explicit, layout)
        weights = np.array([1, -2, 4, 3, -1], np.float32)
        first = np.arange(SHAPE[AXIS])[:, None] < 3  # a mask to be broadcast over axes that are split

        def statistic(x: jax.Array, weights: jax.Array) -> jax.Array:
            return diffsort.l_statistic(x, weights, AXIS, implementation=implementation).sum()

        value, (by_x, by_weights) = jax.jit(jax.value_and_grad(statistic, (0, 1)))(x, weights)
        ordered = np.sort(X, AXIS)
        assert value == (ordered * weights[:, None]).sum()
        np.testing.assert_array_equal(by_weights, ordered.sum((0, 2)))
        rank = np.argsort(np.argsort(X, AXIS), AXIS)
        assert_same_bits(by_x, weights[rank])
        assert by_x.sharding.is_equivalent_to(x.sharding, x.ndim)

        def masked(x: jax.Array) -> jax.Array:
            return diffsort.l_statistic(x, weights, AXIS, where=first, implementation=implementation).sum()

        rank = np.argsort(np.argsort(X[:, :3], AXIS), AXIS)
        by_x = jax.jit(jax.grad(masked))(x)
        assert_same_bits(by_x, np.concatenate([weights[rank], np.zeros_like(X[:, 3:])], AXIS))

    @pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
    @pytest.mark.parametrize(
        "op",
        [
            diffsort.sort,
            diffsort.argsort,
            diffsort.rank,
            diffsort.sort_with_indices,
            lambda x, axis: diffsort.top_k(x, 1, axis),
            lambda x, axis: diffsort.sort_key_val(x, x, axis),
            lambda x, axis: diffsort.permute(x, np.zeros(SHAPE, np.int32), axis),
        ],
    )
    def test_a_split_axis_is_refused(
        self, explicit: Mesh, op: Callable[..., Any], wrap: Callable[..., Any]
    ) -> None:
        x = laid_out(X, explicit, P(None, None, "a"))
        match = r"axis 2 is split between devices \(mesh axis 'a'\).*jax\.sharding\.reshard"
        with pytest.raises(ValueError, match=match):
            wrap(lambda x: op(x, axis=2))(x)

    @with_implementations
    def test_the_advice_of_that_error(self, explicit: Mesh, implementation: str) -> None:
        x = laid_out(X, explicit, P(None, None, "a"))

        def sort(x: jax.Array) -> jax.Array:
            return diffsort.sort(jax.sharding.reshard(x, P("a")), 2, implementation=implementation)

        assert_same_bits(jax.jit(sort)(x), np.sort(X, 2))


class TestShardMap:
    """Over all eight devices, and over some axes of a mesh only."""

    @with_implementations
    def test_psum_and_grad(self, implementation: str) -> None:
        devices = jax.make_mesh((8,), ("a",), axis_types=(AxisType.Auto,))

        def loss(x: jax.Array, weights: jax.Array) -> jax.Array:
            ordered = diffsort.sort(x, AXIS, implementation=implementation)
            return jax.lax.psum((weights * ordered).sum(), "a")

        mapped = jax.shard_map(loss, mesh=devices, in_specs=P("a"), out_specs=P())
        value, (by_x, by_weights) = jax.jit(jax.value_and_grad(mapped, (0, 1)))(X, WEIGHTS)
        ordered, gradient = expected_pull_back()
        assert value == (ordered * WEIGHTS).sum()
        assert_same_bits(by_x, gradient)
        assert_same_bits(by_weights, ordered)

    @with_implementations
    def test_grad_inside(self, implementation: str) -> None:
        devices = jax.make_mesh((8,), ("a",), axis_types=(AxisType.Auto,))

        def gradient(x: jax.Array, weights: jax.Array, where: jax.Array) -> Any:
            return pull_back(x, weights, where, implementation=implementation)

        mapped = jax.shard_map(gradient, mesh=devices, in_specs=P("a"), out_specs=P("a"))
        for actual, expected in zip(
            jax.jit(mapped)(X, WEIGHTS, WHERE), expected_pull_back(WHERE), strict=True
        ):
            assert_same_bits(actual, expected)

    @pytest.mark.parametrize("specs", [(P("a"), P()), (P(), P("a")), (P("a"), P("b"))], ids=str)
    @with_implementations
    def test_keys_and_values_vary_over_axes_of_their_own(
        self, implementation: str, specs: tuple[P, P]
    ) -> None:
        devices = mesh(AxisType.Auto)
        sizes = [{"a": 4, "b": 2}.get(spec[0] if len(spec) else None, 1) for spec in specs]
        keys, values = (RANDOM.permutation(s * 5).reshape(s, 5).astype(np.float32) for s in sizes)
        names = tuple(spec[0] for spec in specs if len(spec))

        def loss(keys: jax.Array, values: jax.Array) -> jax.Array:
            options = {"implementation": implementation}
            _, moved = diffsort.sort_key_val(keys, values, **options)
            again = diffsort.permute(values, diffsort.argsort(keys, **options))
            weights = jnp.arange(5, dtype=values.dtype)
            return jax.lax.psum((weights[None] * (moved * keys + again)).sum(), names)

        mapped = jax.shard_map(loss, mesh=devices, in_specs=specs, out_specs=P(), check_vma=True)
        value, (by_keys, by_values) = jax.jit(jax.value_and_grad(mapped, (0, 1)))(keys, values)
        pairs = [(k, v) for k in range(sizes[0]) for v in range(sizes[1])]
        total, expected = 0.0, (np.zeros_like(keys), np.zeros_like(values))
        for k, v in pairs:
            order, weights = np.argsort(keys[k]), np.arange(5, dtype=np.float32)
            moved = values[v][order]
            total += (weights * (moved * keys[k] + moved)).sum()
            expected[0][k] += weights * moved
            expected[1][v][order] += weights * (keys[k] + 1)
        assert value == total
        assert_same_bits(by_keys, expected[0])
        assert_same_bits(by_values, expected[1])

    @pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit], ids=str)
    @with_implementations
    def test_over_one_of_two_axes(self, implementation: str, kind: AxisType) -> None:
        both = mesh(kind)
        with jax.set_mesh(both):
            # In reverse JAX takes no explicit axis inside: it cannot transpose a shard_map in a shard_map.
            layout = P("a") if kind == AxisType.Explicit else P("a", None, "b")
            x, weights = (laid_out(a, both, layout) for a in (X, WEIGHTS))
            mapped = jax.shard_map(
                partial(pull_back, implementation=implementation),
                in_specs=P("a"),
                out_specs=P("a"),
                axis_names={"a"},
            )
            for actual, expected in zip(jax.jit(mapped)(x, weights), expected_pull_back(), strict=True):
                assert_same_bits(actual, expected)

    @with_implementations
    def test_forward_mode_with_an_explicit_axis_inside(self, explicit: Mesh, implementation: str) -> None:
        x, tangent = (laid_out(a, explicit, P("a", None, "b")) for a in (X, WEIGHTS))

        def push_forward(x: jax.Array, tangent: jax.Array) -> tuple[jax.Array, jax.Array]:
            return jax.jvp(partial(diffsort.sort, axis=AXIS, implementation=implementation), (x,), (tangent,))

        mapped = jax.shard_map(push_forward, in_specs=P("a"), out_specs=P("a"), axis_names={"a"})
        value, moved = jax.jit(mapped)(x, tangent)
        assert_same_bits(value, np.sort(X, AXIS))
        assert_same_bits(moved, np.take_along_axis(WEIGHTS, np.argsort(X, AXIS), AXIS))


def collectives_around_sorts(x: np.ndarray, rounds: int) -> np.ndarray:
    """What `TestKernel.test_collectives_between_sorts` computes, in whole numbers."""
    for _ in range(rounds):
        ordered = np.sort(x, -1)
        x = (7 * ordered + ordered.sum(0, keepdims=True)[..., ::-1]) % 10_007
    return np.sort(x, -1)


@pytest.mark.filterwarnings("ignore")
class TestGspmd:
    """With the partitioner that came before Shardy."""

    @pytest.fixture(autouse=True)
    def _gspmd(self) -> Iterator[None]:
        jax.config.update("jax_use_shardy_partitioner", False)
        yield
        jax.config.update("jax_use_shardy_partitioner", True)

    @pytest.mark.parametrize("layout", LAYOUTS[:3], ids=str)
    @pytest.mark.parametrize("implementation", ["manual", "builtin"])
    @pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit], ids=str)
    def test_a_gradient_is_the_same(self, kind: AxisType, implementation: str, layout: P) -> None:
        """It ends the process where a shard_map is over a part of the mesh."""
        with jax.set_mesh(mesh(kind)) as whole:
            whole = whole if whole is not None else jax.sharding.get_mesh()
            x, weights = (laid_out(a, whole, layout) for a in (X, WEIGHTS))
            program = jax.jit(partial(pull_back, implementation=implementation))
            for a, e in zip(program(x, weights), expected_pull_back(), strict=True):
                assert_same_bits(a, e)


class TestKernel:
    """Arrays so large that the kernel asks for helpers from the threads which the devices run on."""

    # A device that waited for a helper, while the helper's thread waits for that device, would never end.
    @pytest.mark.parametrize("shape", [(8, 20_000), (8, 64, 600)], ids=str)
    def test_collectives_between_sorts(self, shape: tuple[int, ...]) -> None:
        devices = jax.make_mesh((8,), ("a",), axis_types=(AxisType.Auto,))
        x = np.random.default_rng(0).integers(0, 10_000, shape).astype(np.float32)

        def one(x: jax.Array) -> jax.Array:
            ordered = diffsort.sort(x)
            return (7 * ordered + jax.lax.psum(ordered, "a")[..., ::-1]) % 10_007

        def many(x: jax.Array) -> jax.Array:
            x = jax.lax.fori_loop(0, 10, lambda _, x: one(x), x)
            return diffsort.sort(one(one(x)))

        program = jax.jit(jax.shard_map(many, mesh=devices, in_specs=P("a"), out_specs=P("a")))
        results = [program(x) for _ in range(5)]  # all at once
        for result in results:
            assert_same_bits(result, collectives_around_sorts(x, 12))

    @pytest.mark.parametrize("shape", [(8, 20_000), (64, 600, 3)], ids=str)
    @pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit], ids=str)
    def test_each_device_calls_the_kernel_for_its_rows(self, kind: AxisType, shape: tuple[int, ...]) -> None:
        random = np.random.default_rng(0)
        numbers, weights = random.permutation(np.prod(shape)), random.integers(1, 9, shape)

        def loss(x: jax.Array, weights: jax.Array) -> jax.Array:
            return (weights * diffsort.sort(x, 1)).sum(range(1, len(shape)))

        def program(x: jax.Array, weights: jax.Array) -> tuple[jax.Array, ...]:
            value, pull_back = jax.vjp(loss, x, weights)
            return value, *pull_back(jnp.ones_like(value))

        with jax.set_mesh(mesh(kind)):
            x, factors = (
                jax.device_put(a.reshape(shape).astype(np.float32), P(("a", "b"))) for a in (numbers, weights)
            )
            compiled = jax.jit(program).lower(x, factors).compile()
            _, by_x, by_weights = compiled(x, factors)
        text = compiled.as_text()
        assert not COMMUNICATION.findall(text)
        is_native = library.why_unavailable() is None
        for target in (library.SORT, library.PERMUTE):
            assert (f'custom_call_target="{target}"' in text) == is_native
        order = np.argsort(x, 1)
        expected = np.zeros(shape, np.float32)
        np.put_along_axis(expected, order, weights.astype(np.float32), 1)
        assert_same_bits(by_x, expected)
        assert_same_bits(by_weights, np.sort(x, 1))
        assert by_x.sharding.is_equivalent_to(x.sharding, x.ndim)


def test_experts_live_on_different_devices() -> None:
    """Each device sends the tokens to its own experts, and what all made of them is added up."""
    keys = jax.random.split(jax.random.key(0), 4)
    shapes = (40, 5), (5, 16), (16, 5, 6), (16, 6, 3)  # tokens, router, kernels of two experts a device
    x, *parameters = (jax.random.normal(k, s) for k, s in zip(keys, shapes, strict=True))
    mesh = jax.make_mesh((8,), ("experts",), axis_types=(AxisType.Auto,))

    def local(x: jax.Array, router: jax.Array, kernel_in: jax.Array, kernel_out: jax.Array) -> jax.Array:
        weights, expert_ids, _ = experts.route(x @ router, 2)
        first = 2 * jax.lax.axis_index("experts")
        rows, group_sizes, indices = diffsort.dispatch(x, expert_ids - first, 2)
        hidden = jax.nn.gelu(experts.grouped_dot(rows, kernel_in, group_sizes))
        out = experts.grouped_dot(hidden, kernel_out, group_sizes)
        return jax.lax.psum(diffsort.combine(out, indices, weights), "experts")

    sharded = jax.shard_map(local, mesh=mesh, in_specs=(P(), P(), P("experts"), P("experts")), out_specs=P())
    whole = partial(experts.mixture_of_experts, num_selected=2)
    found, expected = (
        jax.jit(jax.value_and_grad(lambda *a, f=f: jnp.sum(jnp.sin(f(*a))), (0, 1, 2, 3)))(x, *parameters)
        for f in (sharded, whole)
    )
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, rtol=1e-4, atol=1e-5), found, expected)

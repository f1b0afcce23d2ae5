"""What sits at the edges of the domain, for everything: sizes, flags, infinities, large counts."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import diffsort
from diffsort import losses
from tests.losses.cases import DISTANCES
from tests.members import MEMBERS, OPS, REDUCTIONS, N, rows
from tests.oracles import IMPLEMENTATIONS, SLOW_IMPLEMENTATIONS, assert_same_bits

FLAGS = {
    "sort": (diffsort.sort, "descending"),
    "sort_with_indices": (diffsort.sort_with_indices, "descending"),
    "argsort": (diffsort.argsort, "descending"),
    "rank": (diffsort.rank, "descending"),
    "sort_key_val": (lambda x, **o: diffsort.sort_key_val(x, x, **o), "descending"),
    **{
        name: (op, "keepdims")
        for name, op in {
            "l_statistic": lambda x, **o: diffsort.l_statistic(x, x, **o),
            "quantile": partial(diffsort.quantile, q=0.3),
            "median": diffsort.median,
            "order_statistic": partial(diffsort.order_statistic, k=0),
            "trimmed_mean": partial(diffsort.trimmed_mean, proportion=0.1),
            "winsorized_mean": partial(diffsort.winsorized_mean, proportion=0.1),
            "superquantile": partial(diffsort.superquantile, level=0.3),
            "l_moments": partial(diffsort.l_moments, order=2),
            "gini_mean_difference": diffsort.gini_mean_difference,
            "cvar": partial(losses.cvar, level=0.3),
            "average_top_k": partial(losses.average_top_k, k=2),
            "ranked_range": partial(losses.ranked_range, k=2, m=1),
            "trimmed": partial(losses.trimmed, proportion=0.1),
            "spectral_risk": partial(losses.spectral_risk, spectrum=losses.extremile_spectrum(2)),
        }.items()
    },
}


@pytest.mark.parametrize("name", FLAGS)
def test_flags_are_booleans_or_0_and_1(name: str) -> None:
    op, flag = FLAGS[name]
    x = rows()
    for value in (False, True):
        expected = op(x, **{flag: value})
        for other in (int(value), np.bool_(value), np.int64(value)):
            jax.tree.map(assert_same_bits, op(x, **{flag: other}), expected)
    for wrong in (None, "yes", 2, 1.0, [True]):
        with pytest.raises(TypeError, match=f"{flag} must be True or False, not"):
            op(x, **{flag: wrong})
    with pytest.raises(TypeError, match=f"{flag} must be True or False"):
        jax.jit(lambda value: op(x, **{flag: value}))(True)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("name", [*REDUCTIONS, *OPS])
def test_an_axis_of_no_elements(name: str, implementation: str) -> None:
    """NaN, as the mean and the median of NumPy have it; a sum and a sort of nothing are nothing."""
    if name in ("order_statistic -1", "l_moments", "top_k_cross_entropy"):
        with pytest.raises(ValueError, match="is not between"):
            MEMBERS[name](np.zeros((3, 0), np.float32), None, implementation)
        return
    x = jnp.zeros((3, 0))
    for where in (None, jnp.zeros((3, 0), bool)):
        value, pull_back = jax.vjp(lambda x, w=where: MEMBERS[name](x, w, implementation), x)
        assert pull_back(jnp.ones_like(value))[0].shape == (3, 0)
        if name in OPS or name.endswith("l_statistic"):
            assert not np.asarray(value).any()
        else:
            assert np.isnan(value).all(), name


def with_infinities() -> np.ndarray:
    """Rows whose extremes, repeated, are infinite."""
    x = rows((4, N))
    x[0, :2], x[1, 3:5], x[2, [0, 7]] = np.inf, -np.inf, (np.inf, -np.inf)
    return x


@pytest.mark.parametrize("implementation", ["manual", *SLOW_IMPLEMENTATIONS[:2]])
@pytest.mark.parametrize("name", [name for name in MEMBERS if "sliced" not in name])
def test_infinite_elements_are_the_same_to_all(name: str, implementation: str) -> None:
    """A result may be infinite, or NaN where one infinity is taken from another; but then everywhere."""
    x = with_infinities()
    expected = np.asarray(jax.jit(MEMBERS[name], static_argnums=2)(x, None, "builtin"))
    np.testing.assert_allclose(MEMBERS[name](x, None, implementation), expected, rtol=1e-5)
    assert np.isfinite(expected[3]).all()


CUT = {
    "trimmed_mean": partial(diffsort.trimmed_mean, proportion=0.2),
    "winsorized_mean": partial(diffsort.winsorized_mean, proportion=0.2),
    "median": partial(diffsort.median, axis=-1),
    "quantile": partial(diffsort.quantile, q=0.5, axis=-1),
    "order_statistic": partial(diffsort.order_statistic, k=4),
    "ranked_range": partial(losses.ranked_range, k=6, m=2),
}


@pytest.mark.parametrize("name", CUT)
def test_what_is_cut_off_may_be_infinite(name: str) -> None:
    x = with_infinities()
    value, pull_back = jax.vjp(CUT[name], x)
    assert np.isfinite(value).all()
    assert np.isfinite(pull_back(jnp.ones_like(value))[0]).all()


# Around where an index, a count or a path of a kernel gets wider.
SIZES = [2**8 - 1, 2**8, 2**8 + 1, 2**16 - 1, 2**16, 2**16 + 1]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_sizes_around_powers_of_two(implementation: str, n: int, dtype: str) -> None:
    random = np.random.default_rng(n)
    x = (random.standard_normal(n) * 50).astype(np.int64).astype(dtype)  # with many ties
    where = random.random(n) < 0.9

    @partial(jax.jit, static_argnums=0)
    def everything(implementation: str, x: jax.Array, where: jax.Array) -> dict[str, Any]:
        options = {"implementation": implementation}
        found = {
            "sort": diffsort.sort(x, **options),
            "pair": diffsort.sort_with_indices(x, descending=True, where=where, **options),
            "rank": diffsort.rank(x, **options),
        }
        if x.dtype == jnp.float32:
            place = jnp.arange(n, dtype=x.dtype)
            found["gradient"] = jax.grad(lambda x: (diffsort.sort(x, **options) * place).sum())(x)
        return found

    results = jax.device_get(everything(implementation, x, where))
    order = np.argsort(x, stable=True)
    assert_same_bits(results["sort"], x[order])
    rank = np.argsort(order).astype(np.int32)
    assert_same_bits(results["rank"], rank)
    signed = np.where(where, -x.astype(np.int64), 0)
    down = np.lexsort((np.arange(n), signed, ~where)).astype(np.int32)
    assert_same_bits(results["pair"][1], down)
    assert_same_bits(results["pair"][0], np.where(where, x, np.zeros_like(x))[down])
    if "gradient" in results:
        np.testing.assert_array_equal(results["gradient"], rank.astype(np.float32))


@pytest.mark.parametrize("n", [*SIZES[:3], SIZES[-1]])
def test_statistics_of_so_many_are_the_definitions(n: int) -> None:
    x = np.random.default_rng(n).standard_normal(n)
    ordered = np.sort(x)
    expected = {
        "quantile": np.quantile(x, 0.37),
        "trimmed_mean": scipy.stats.trim_mean(x, 0.1),
        "superquantile": (ordered[-(n // 4) :].sum() + (n / 4 - n // 4) * ordered[-(n // 4) - 1]) / (n / 4),
        "l_moments": scipy.stats.lmoment(x, order=[1, 2, 3], standardize=False),
    }
    actual = {
        "quantile": diffsort.quantile(np.float32(x), 0.37),
        "trimmed_mean": diffsort.trimmed_mean(np.float32(x), 0.1),
        "superquantile": diffsort.superquantile(np.float32(x), 0.75),
        "l_moments": diffsort.l_moments(np.float32(x), 3),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, rtol=2e-5, atol=2e-6, err_msg=name)


def check_at_size(n: int, dtype: str) -> None:
    """Counts that neither float32 nor bfloat16 tells from their neighbours."""
    x = jnp.zeros(n, dtype).at[7].set(3).at[123].set(5)

    @jax.jit
    def values(x: jax.Array) -> dict[str, jax.Array]:
        return {
            "order_statistic": diffsort.order_statistic(x, -1),
            "second": diffsort.order_statistic(x, -2),
            "superquantile": diffsort.superquantile(x, 1 - 1 / n),
            "cvar of two": losses.cvar(x, 1 - 2 / n),
            "average_top_k": losses.average_top_k(x, 1),
            "average_top_2": losses.average_top_k(x, 2),
            "ranked_range": losses.ranked_range(x, 2, 1),
            "quantile": diffsort.quantile(x, jnp.asarray([1.0, 0.0]))[0],
            "just below": diffsort.quantile(x, 1 - 1.5 / (n - 1), method="higher"),
            "spectrum": losses.spectral_risk(x, losses.superquantile_spectrum(1 - 1 / n)),
        }

    expected = {
        "order_statistic": 5,
        "second": 3,
        "superquantile": 5,
        "cvar of two": 4,
        "average_top_k": 5,
        "average_top_2": 4,
        "ranked_range": 3,
        "quantile": 5,
        "just below": 3,
        "spectrum": 5,
    }
    for name, value in values(x).items():
        np.testing.assert_allclose(np.float64(value), expected[name], rtol=1e-6, err_msg=f"{name} of {n}")

    def both(x: jax.Array) -> jax.Array:
        return losses.average_top_k(x, 1) + 2 * diffsort.order_statistic(x, -2)

    gradient = jax.jit(jax.grad(both))(x)
    assert gradient[123] == 1
    assert gradient[7] == 2
    assert np.count_nonzero(gradient) == 2
    trimmed = losses.trimmed(x, 1.5 / n)
    np.testing.assert_allclose(np.float64(trimmed), 3 / (n - 1), rtol=1e-2 if dtype == "bfloat16" else 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("more", [1, 2, 3])
def test_more_elements_than_float32_counts(dtype: str, more: int) -> None:
    check_at_size(2**24 + more, dtype)


@pytest.mark.slow
def test_a_sort_of_more_elements_than_float32_counts() -> None:
    n = 2**24 + 3
    x = np.random.default_rng(0).integers(0, 256, n).astype(np.uint8)
    for implementation in ("manual", "manual:xla"):
        values, indices = jax.jit(partial(diffsort.sort_with_indices, implementation=implementation))(x)
        order = np.argsort(x, stable=True)
        np.testing.assert_array_equal(indices, order)
        np.testing.assert_array_equal(values, x[order])


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("n", [31, 301, 1001, 65_537])
def test_places_are_those_of_float64(n: int, x64: bool) -> None:
    """0.09 of 300 is 27, whatever the data are and the setting is."""
    x = jnp.arange(n, dtype=jnp.float32)
    q = np.array([0.01, 0.09, 0.1, 0.29, 0.3, 0.57, 0.7, 0.9, 0.99])
    for method in ("lower", "higher", "nearest", "linear"):
        expected = np.quantile(np.arange(n, dtype=np.float64), q, method=method)
        with jax.enable_x64(x64):
            several = diffsort.quantile(x, q, method=method)
            single = [diffsort.quantile(x, float(one), method=method) for one in q]
            inside = jax.jit(lambda x, m=method: diffsort.quantile(x, q, method=m))(x)
        for actual in (several, np.stack(single), inside):
            np.testing.assert_allclose(actual, expected, rtol=1e-6)
    for proportion in (0.1, 0.3, 0.29):
        g = int(proportion * n)
        assert diffsort.order_statistic(x, g) == g
        cut = diffsort.trimmed_mean(jnp.where(x < g, -jnp.inf, x), proportion)
        assert np.isfinite(cut)
        assert np.isneginf(diffsort.trimmed_mean(jnp.where(x <= g, -jnp.inf, x), proportion))


def traced_level(function: Any) -> None:
    x = rows((N,))
    levels = np.float32([0.0, 0.25, 0.5, 0.77, 0.95])
    expected = [function(x, float(level)) for level in levels]
    np.testing.assert_allclose(jax.vmap(lambda a: function(x, a))(levels), expected, rtol=1e-5)
    np.testing.assert_allclose([jax.jit(function)(x, level) for level in levels], expected, rtol=1e-5)
    step = np.float32(1e-3)
    for level in (0.33, 0.61):
        slope = jax.grad(function, 1)(x, np.float32(level))
        difference = (function(x, level + float(step)) - function(x, level - float(step))) / (2 * step)
        np.testing.assert_allclose(slope, difference, rtol=2e-2)


def test_a_level_may_be_traced() -> None:
    traced_level(diffsort.superquantile)
    traced_level(losses.cvar)
    traced_level(lambda x, level: losses.cvar(x, level, smoothing=0.5))


@pytest.mark.parametrize(
    ("match", "call"),
    [
        (r"q=1.5 is not in \[0, 1\]", lambda x: diffsort.quantile(x, 1.5)),
        (r"q=-0.1 is not in \[0, 1\]", lambda x: diffsort.quantile(x, np.array([0.5, -0.1]))),
        (r"q=nan is not in \[0, 1\]", lambda x: diffsort.quantile(x, jnp.nan)),
        (r"proportion=0.6 is not in \[0, 0.5\)", lambda x: diffsort.trimmed_mean(x, 0.6)),
        (r"level=1.0 is not in \[0, 1\)", lambda x: losses.cvar(x, jnp.float32(1))),
        (
            r"weights has -1: weights must not be negative",
            lambda x: losses.wasserstein_1d(x, x, weights=-jnp.ones(N)),
        ),
        (
            r"target_weights has -2",
            lambda x: losses.energy_distance(x, x, target_weights=-2 * np.ones(N, "f4")),
        ),
        (
            r"weights has -1",
            lambda x: losses.sliced_wasserstein(x, x, np.eye(N, dtype="f4"), weights=np.float32([1, -1, 1])),
        ),
    ],
)
def test_what_is_known_to_be_out_of_range_is_refused(match: str, call: Any) -> None:
    with pytest.raises(ValueError, match=match):
        call(rows())


def test_moments_far_from_zero_keep_their_digits() -> None:
    x = 101_325 + np.random.default_rng(0).standard_normal(1000)
    narrow = np.float32(x)
    expected = scipy.stats.lmoment(np.float64(narrow), order=[1, 2, 3, 4], standardize=False)
    np.testing.assert_allclose(diffsort.l_moments(narrow), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(diffsort.gini_mean_difference(narrow), 2 * expected[1], rtol=1e-5)


def test_no_table_of_all_sizes_is_part_of_a_program() -> None:
    x = jnp.zeros(100_000)
    for function in (partial(diffsort.trimmed_mean, proportion=0.1), partial(losses.trimmed, proportion=0.1)):
        assert len(jax.jit(function).lower(x).as_text()) < 50_000


@pytest.mark.parametrize("name", DISTANCES)
def test_distances_are_unchanged_by_what_is_not_there(name: str) -> None:
    """A repeated extreme, masked, is no element."""
    case = DISTANCES[name]
    x = tuple(rows((3, n), seed=i) for i, n in enumerate(case.lengths[-1]))
    longer = np.concatenate([x[0], np.full((3, 2), x[0].max(), np.float32)], 1)
    mask = np.arange(longer.shape[1]) < x[0].shape[1]
    masks = (np.broadcast_to(mask, longer.shape), *[None] * (len(x) - 1))
    actual = case.loss((longer, *x[1:]), masks, -1, "manual")
    np.testing.assert_allclose(actual, case.loss(x, (None,) * len(x), -1, "manual"), rtol=1e-5)

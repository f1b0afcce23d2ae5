"""Every layer in both Flax APIs, and every pooling function, with what a test must know to call it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax import nnx

import diffsort
import diffsort.linen
import diffsort.nnx
import diffsort.pooling

FEATURES = 6
POINTS = 8


@dataclasses.dataclass(frozen=True)
class Case:
    """A layer.

    Attributes:
        nnx: builds it, from keywords.
        linen: builds its twin.
        arguments: what a call takes, made of points (..., n, FEATURES) and a mask (..., n) or None.
        keeps_points: whether the result is one of points, in the order of the input.
        learns: whether it has parameters, and so `dtype`, `param_dtype` and `rngs`.
        sorts: whether it takes `implementation`.
        masks: whether it takes a mask.
        shares_tokens: whether points of all sets are sorted together.
        segments: whether it takes sets of different sizes in one array.
    """

    nnx: Callable[..., nnx.Module]
    linen: Callable[..., nn.Module]
    arguments: Callable[[Any, Any], tuple[Any, ...]] = lambda x, where: (x, where)
    keeps_points: bool = False
    learns: bool = True
    sorts: bool = True
    masks: bool = True
    shares_tokens: bool = False
    segments: bool = False

    @property
    def pools(self) -> bool:
        """Whether it makes one result of a set."""
        return self.masks and not self.keeps_points

    def build(self, seed: int = 0, **keywords: Any) -> Any:
        """The NNX layer."""
        return self.nnx(**keywords, **({"rngs": nnx.Rngs(seed)} if self.learns else {}))

    def variables(self, seed: int = 0, **keywords: Any) -> dict[str, Any]:
        """The parameters of the NNX layer, as its twin takes them."""
        return linen_variables(self.build(seed, **keywords))

    def apply(self, variables: dict[str, Any], x: Any, where: Any = None, **keywords: Any) -> jax.Array:
        """Calls the Linen twin."""
        return self.linen(**keywords).apply(variables, *self.arguments(x, where))


def linen_variables(layer: nnx.Module) -> dict[str, Any]:
    parameters = nnx.to_pure_dict(nnx.state(layer, nnx.Param))
    return {"params": parameters} if parameters else {}


def batch(dtype: Any = np.float32) -> tuple[np.ndarray, np.ndarray]:
    """Four sets of points, and a mask that hides one of them whole and of another nothing."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(4, POINTS, FEATURES)).astype(dtype)
    where = generator.random((4, POINTS)) < 0.7
    where[0], where[1] = False, True
    return x, where


def _points_alone(x: Any, where: Any) -> tuple[Any, ...]:
    del where
    return (x,)


def _pooled(x: Any, where: Any) -> tuple[Any, ...]:
    """Features of each set, the permutation of its points, and the mask."""
    mask = None if where is None else where[..., None]
    return (
        diffsort.trimmed_mean(x, 0, -2, where=mask),
        diffsort.argsort(x, -2, descending=True, where=mask),
        where,
    )


def _parameters(shape: tuple[int, ...], x: Any) -> jax.Array:
    """Numbers without a pattern, in the dtype of the points."""
    return jnp.sin(1 + jnp.arange(np.prod(shape), dtype=jnp.float32)).reshape(shape).astype(x.dtype)


CASES = {
    "fspool": Case(
        lambda **k: diffsort.nnx.FSPool(FEATURES, pieces=4, **k),
        lambda **k: diffsort.linen.FSPool(pieces=4, **k),
        segments=True,
    ),
    "fsunpool": Case(
        lambda **k: diffsort.nnx.FSUnpool(FEATURES, pieces=4, **k),
        lambda **k: diffsort.linen.FSUnpool(pieces=4, **k),
        _pooled,
        keeps_points=True,
        sorts=False,
    ),
    "full_sort": Case(
        diffsort.nnx.FullSort,
        diffsort.linen.FullSort,
        _points_alone,
        keeps_points=True,
        learns=False,
        masks=False,
    ),
    "group_sort": Case(
        lambda **k: diffsort.nnx.GroupSort(3, **k),
        lambda **k: diffsort.linen.GroupSort(3, **k),
        _points_alone,
        keeps_points=True,
        learns=False,
        masks=False,
    ),
    "max_min": Case(
        diffsort.nnx.MaxMin,
        diffsort.linen.MaxMin,
        _points_alone,
        keeps_points=True,
        learns=False,
        sorts=False,
        masks=False,
    ),
    "mixture_of_experts": Case(
        lambda **k: diffsort.nnx.MixtureOfExperts(FEATURES, 5, 4, hidden_features=7, num_selected=2, **k),
        lambda **k: diffsort.linen.MixtureOfExperts(5, 4, hidden_features=7, num_selected=2, **k),
        keeps_points=True,
        shares_tokens=True,
    ),
    "orthogonal_dense": Case(
        lambda **k: diffsort.nnx.OrthogonalDense(FEATURES, 5, **k),
        lambda **k: diffsort.linen.OrthogonalDense(5, **k),
        _points_alone,
        keeps_points=True,
        sorts=False,
        masks=False,
    ),
    "pswe": Case(
        lambda **k: diffsort.nnx.PSWE(FEATURES, 7, 5, **k),
        lambda **k: diffsort.linen.PSWE(7, 5, **k),
    ),
    "quantile_pool": Case(
        lambda **k: diffsort.nnx.QuantilePool((0, 0.3, 1), **k),
        lambda **k: diffsort.linen.QuantilePool((0, 0.3, 1), **k),
        learns=False,
        segments=True,
    ),
    "sort_pooling": Case(
        lambda **k: diffsort.nnx.SortPooling(5, **k),
        lambda **k: diffsort.linen.SortPooling(5, **k),
        learns=False,
        segments=True,
    ),
    "top_k_pool": Case(
        lambda **k: diffsort.nnx.TopKPool(FEATURES, 5, **k),
        lambda **k: diffsort.linen.TopKPool(5, **k),
        segments=True,
    ),
    "trimmed_mean_pool": Case(
        lambda **k: diffsort.nnx.TrimmedMeanPool(0.2, **k),
        lambda **k: diffsort.linen.TrimmedMeanPool(0.2, **k),
        learns=False,
    ),
}


# The functions underneath that pool sets of points with 3 channels. Directions along the axes, so that
# projecting rounds nothing.
POOLS: dict[str, Callable[..., jax.Array]] = {
    "fspool": lambda x, where=None: diffsort.pooling.featurewise_sort_pool(
        x, _parameters((3, 5), x), where=where
    ),
    "fspool, mean": lambda x, where=None: diffsort.pooling.featurewise_sort_pool(
        x, _parameters((3, 5), x), where=where, reduction="mean"
    ),
    "sort_pool": lambda x, where=None: diffsort.pooling.sort_pool(x, 6, where=where),
    "quantiles": lambda x, where=None: diffsort.pooling.quantile_pool(x, (0.1, 0.5, 1), where=where),
    "trimmed_mean": lambda x, where=None: diffsort.pooling.trimmed_mean_pool(x, 0.2, where=where),
    "top_k": lambda x, where=None: diffsort.pooling.top_k_pool(
        x, jnp.asarray([0, 2, 0], x.dtype), 6, where=where
    ),
    "sliced_wasserstein": lambda x, where=None: diffsort.pooling.sliced_wasserstein_pool(
        x, jnp.eye(3, dtype=x.dtype), _parameters((5, 3), x), _parameters((5, 3), x) + 1, where=where
    ),
}


def weighted(y: jax.Array) -> jax.Array:
    """A loss that tells the elements of a result apart."""
    return jnp.sum(y * jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape))

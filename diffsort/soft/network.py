"""Sorting networks whose comparators are relaxed: each leaves two means of its values."""

import dataclasses
from typing import Any, ClassVar, Literal, get_args

import jax
import jax.numpy as jnp
from jax import lax

from diffsort.engines import library
from diffsort.soft._kernels import fused
from diffsort.soft._method import RelaxedSort, Temperature, method
from diffsort.soft._network import Network, run_network
from diffsort.soft._rows import is_top, ranks_of

Kind = Literal["odd_even", "bitonic"]
Activation = Literal["logistic", "cauchy", "optimal"]


@method("steepness")
@dataclasses.dataclass(frozen=True)
class SortingNetwork(RelaxedSort):
    r"""A differentiable sorting network.

    A comparator of the values a and b puts
    $\alpha a + (1 - \alpha) b$ on its lower wire and $(1 - \alpha) a + \alpha b$ on its upper one, with
    $\alpha = f(\beta (b - a))$: softly the least and the greatest of them. The sigmoid f is

    - "logistic": $f(v) = 1 / (1 + e^{-v})$;
    - "cauchy": $f(v) = 1/2 + \arctan(v) / \pi$;
    - "optimal": $f(v) = 1/2 + v$ for $|v| \le 1/4$, else $1 - 1 / (16 v)$ for v > 0 and $-1 / (16 v)$ for
      v < 0.

    With the latter two no value falls as an element grows, and a comparator's values are within a constant
    over β of the exact ones, however far its elements are apart. With the logistic one a value may fall.

    All comparators make up a matrix P, a product of doubly stochastic ones, so rows and columns of P sum
    to 1; $\mathrm{sort}(x) = P x$, and ranks are $P^\top (0 \dots n-1)$. P depends on the order in which
    the elements come in: a permutation of them changes the values a little. Of c x with the steepness β / c
    everything is c times as large.

    "odd_even" has n layers of comparators between neighbours, "bitonic" about $(\log_2 n)^2 / 2$ layers.
    The latter, of a length that is no power of two, is the one for the next power of two with the missing
    wires behind the last one. Time grows with n times the layers; a derivative takes as much memory for each
    slice, in the kernel of as many slices as there are lanes in a vector at once.

    Attributes:
        kind: "odd_even" or "bitonic".
        steepness: β > 0, in inverse units of the elements; towards infinity it becomes the exact sort. A
            traced number, or a schedule (see `at`), will do.
        activation: "logistic", "cauchy" or "optimal".
        standardize: take 1/β in units of each slice's standard deviation.

    Raises:
        ValueError: `kind` or `activation` is none of these, or `steepness` is not positive.

    Source: F. Petersen, C. Borgelt, H. Kuehne, O. Deussen, Differentiable Sorting Networks for Scalable
    Sorting and Ranking Supervision, ICML 2021; Monotonic Differentiable Sorting Networks, ICLR 2022.

    >>> import diffsort, jax.numpy as jnp
    >>> network = SortingNetwork("bitonic", steepness=4.0, activation="cauchy")
    >>> diffsort.sort(jnp.array([3., 1., 2.]), implementation=network).round(2)
    Array([1.16, 2.  , 2.84], dtype=float32)
    """

    kind: Kind = "odd_even"
    steepness: Temperature = 10.0
    activation: Activation = "logistic"
    standardize: bool = False
    is_presorted: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for field, known in (("kind", Kind), ("activation", Activation)):
            if getattr(self, field) not in get_args(known):
                names = ", ".join(map(repr, get_args(known)))
                raise ValueError(f"{field}={getattr(self, field)!r} must be one of {names}.")

    @property
    def name(self) -> str:  # type: ignore[override]
        """What messages call it, and `implementation=` if it has its default settings."""
        return self.kind

    def _values(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        scaled, steepness, unit = self._scaled(rows)
        return _values(scaled, steepness, *_given(count), **self._settings) / unit

    def _ranks(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        return self._transposed(rows, count, ranks_of(rows))

    def _top(self, rows: jax.Array, count: jax.Array | None, k: int) -> jax.Array:
        return self._transposed(rows, count, is_top(rows, count, k).astype(rows.dtype))

    def _matrix(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        scaled, steepness, _ = self._scaled(rows)
        return _network(scaled, steepness, *_given(count), **self._settings).matrix()

    def _transposed(self, rows: jax.Array, count: jax.Array | None, w: jax.Array) -> jax.Array:
        """Returns Pᵀ w."""
        scaled, steepness, _ = self._scaled(rows)
        return _transposed(scaled, steepness, *_given(count), w, **self._settings)

    def _scaled(self, rows: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Returns the rows in a unit, the steepness for each row in it, a constant, and the unit.

        The unit is 1, and has the derivative with respect to the steepness: the network scales with its
        elements, so steeper is the same as farther apart.
        """
        steepness = self._number("steepness", rows)
        fixed = lax.stop_gradient(steepness)
        unit = steepness / fixed
        return rows * unit, jnp.broadcast_to(fixed, (*rows.shape[:-1], 1)), unit

    @property
    def _settings(self) -> dict[str, Any]:
        activations: tuple[str, ...] = get_args(Activation)
        return {"bitonic": self.kind == "bitonic", "sigmoid": activations.index(self.activation)}


def _given(count: jax.Array | None) -> tuple[jax.Array, ...]:
    return () if count is None else (count,)


def _network(x: jax.Array, steepness: jax.Array, *count: jax.Array, bitonic: bool, sigmoid: int) -> Network:
    return run_network(x, steepness, count[0] if count else None, is_bitonic=bitonic, sigmoid=sigmoid)


def _values_in_jax(x: jax.Array, *others: jax.Array, bitonic: bool, sigmoid: int) -> jax.Array:
    return _network(x, *others, bitonic=bitonic, sigmoid=sigmoid).values


def _transposed_in_jax(x: jax.Array, *others: jax.Array, bitonic: bool, sigmoid: int) -> jax.Array:
    *given, w = others
    return _network(x, *given, bitonic=bitonic, sigmoid=sigmoid).transposed(w)


_values = fused("network", _values_in_jax, library.NETWORK, library.NETWORK_COTANGENT)
_transposed = fused(
    "network_transposed",
    _transposed_in_jax,
    library.NETWORK_TRANSPOSED,
    library.NETWORK_TRANSPOSED_COTANGENT,
)

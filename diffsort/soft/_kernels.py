"""What relaxed sorts compute along rows: by the kernel on CPU, in XLA elsewhere, with every derivative.

Rows are along the last axis, in float32 or float64. All of it is made of primitives, whose derivatives hold
inside a `jax.lax.scan` too.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad

from diffsort import _sharding, engines
from diffsort.engines import library
from diffsort.engines.lowering import make_primitive

_IN_XLA = engines.ENGINES["xla"]


def recurrence(a: jax.Array, b: jax.Array, *, reverse: bool = False, engine: Any = engines.BEST) -> jax.Array:
    r"""Returns the linear recurrence $f_k = a_k f_{k-1} + b_k$ along the last axis, from $f_0 = b_0$.

    Linear in b, with a matrix T whose transpose is the recurrence that runs the other way. In a, its tangent
    is $T (\dot a_k f_{k-1})$: a recurrence once more.

    Args:
        a: factors; what stands at the place to begin with has no effect.
        b: of the shape and dtype of `a`.
        reverse: run from the last element, $f_k = a_k f_{k+1} + b_k$.
        engine: the kernel where it runs, or XLA.
    """
    operands = _sharding.match_varying(a, b)
    return _recurrence_p.bind(*operands, trailing=0, reverse=reverse, engine=engine)[0]


def shift(x: jax.Array, by: int) -> jax.Array:
    """Returns `x` moved along the last axis by 1 or −1, with 0 at the end that becomes free."""
    padding = [(0, 0, 0)] * (x.ndim - 1) + [(by, -by, 0)]
    return lax.pad(x, jnp.zeros((), x.dtype), padding)


def _recurrence_natively(a: jax.Array, b: jax.Array, *, trailing: int, reverse: bool) -> Sequence[jax.Array]:
    del trailing
    out = [jax.ShapeDtypeStruct(b.shape, b.dtype)]
    return jax.ffi.ffi_call(library.RECURRENCE, out)(a, b, reverse=reverse)


def _recurrence_portably(
    a: jax.Array, b: jax.Array, *, trailing: int, reverse: bool, engine: Any
) -> list[jax.Array]:
    del trailing, engine

    def compose(
        first: tuple[jax.Array, jax.Array], then: tuple[jax.Array, jax.Array]
    ) -> tuple[jax.Array, jax.Array]:
        return first[0] * then[0], then[0] * first[1] + then[1]

    return [lax.associative_scan(compose, (a, b), reverse=reverse, axis=b.ndim - 1)[1]]


def _recurrence_jvp(
    primals: Sequence[jax.Array], tangents: Sequence[Any], **params: Any
) -> tuple[list[jax.Array], list[Any]]:
    a, b = primals
    along_a, along_b = tangents
    (found,) = _recurrence_p.bind(a, b, **params)
    if type(along_a) is not ad.Zero:
        along_a = along_a * shift(found, -1 if params["reverse"] else 1)
        along_b = along_a if type(along_b) is ad.Zero else along_a + along_b
    elif type(along_b) is ad.Zero:
        return [found], [along_b]
    return [found], list(_recurrence_p.bind(*_sharding.match_varying(a, along_b), **params))


def _recurrence_transpose(
    cotangents: Sequence[Any], a: jax.Array, b: Any, *, reverse: bool, **params: Any
) -> list[Any]:
    (cotangent,) = cotangents
    if type(cotangent) is ad.Zero:
        return [None, ad.Zero(b.aval)]
    back = _sharding.match_varying(shift(a, 1 if reverse else -1), cotangent)
    return [None, _recurrence_p.bind(*back, reverse=not reverse, **params)[0]]


_recurrence_p = make_primitive(
    "diffsort_recurrence", lambda *operands, **_: [operands[1]], _recurrence_natively, _recurrence_portably
)
ad.primitive_jvps[_recurrence_p] = _recurrence_jvp
ad.primitive_transposes[_recurrence_p] = _recurrence_transpose


def fused(
    name: str, function: Callable[..., jax.Array], value: str, cotangent: str
) -> Callable[..., jax.Array]:
    """Returns `function`, computed by the kernel where that runs, as is its derivative in reverse mode.

    Everywhere else, and for every other derivative, it is the function as JAX knows it.

    Args:
        name: of the primitives.
        function: `function(x, *others, **settings)` of rows, along the last axis; returns an array of the
            shape and dtype of `x`. It has a derivative in `x` alone.
        value: what the kernel's function is called in XLA; it is given the operands, and the settings as
            attributes.
        cotangent: that which is given the operands and a cotangent, and returns the cotangent of `x`.

    Returns:
        `fused(x, *others, engine=engines.BEST, **settings)`: the others are of the rank of `x`, of its shape
        or of length 1 along the last axis.
    """

    def call(target: str) -> Callable[..., Sequence[jax.Array]]:
        def natively(x: jax.Array, *others: jax.Array, trailing: int, **settings: Any) -> Sequence[jax.Array]:
            del trailing
            return jax.ffi.ffi_call(target, [jax.ShapeDtypeStruct(x.shape, x.dtype)])(x, *others, **settings)

        return natively

    def portably(of: Callable[..., jax.Array]) -> Callable[..., list[jax.Array]]:
        def portable(*operands: jax.Array, **params: Any) -> list[jax.Array]:
            return [of(*operands, **_settings(params))]

        return portable

    def push_forward(x: jax.Array, *others: jax.Array, **settings: Any) -> jax.Array:
        *fixed, tangent = others
        return jax.jvp(lambda x: function(x, *fixed, **settings), (x,), (tangent,))[1]

    def pull_back(x: jax.Array, *others: jax.Array, **settings: Any) -> jax.Array:
        *fixed, given = others
        return jax.vjp(lambda x: function(x, *fixed, **settings), x)[1](given)[0]

    def avals(x: Any, *_: Any, **__: Any) -> list[Any]:
        return [x]

    value_p = make_primitive(f"diffsort_{name}", avals, call(value), portably(function))
    tangent_p = make_primitive(f"diffsort_{name}_tangent", avals, call(value), portably(push_forward))
    cotangent_p = make_primitive(f"diffsort_{name}_cotangent", avals, call(cotangent), portably(pull_back))

    def value_jvp(primals: Any, tangents: Any, *, engine: Any, **params: Any) -> tuple[Any, Any]:
        out = value_p.bind(*primals, engine=engine, **params)
        if type(tangents[0]) is ad.Zero:
            return out, [ad.Zero(jax.typeof(out[0]).to_tangent_aval())]
        return out, bind_tangent(*_sharding.match_varying(*primals, tangents[0]), engine=engine, **params)

    def transpose(
        bind: Callable[..., list[Any]], cotangents: Any, *operands: Any, **params: Any
    ) -> list[Any]:
        *primals, undefined = operands  # linear in the last one
        if type(cotangents[0]) is ad.Zero:
            return [None] * len(primals) + [ad.Zero(undefined.aval)]
        return [None] * len(primals) + bind(*_sharding.match_varying(*primals, cotangents[0]), **params)

    def bind_tangent(*operands: jax.Array, engine: Any, **params: Any) -> list[Any]:
        # Run forwards it is in XLA; `kernel` is for its transpose.
        return list(tangent_p.bind(*operands, engine=_IN_XLA, kernel=engine, **params))

    def bind_cotangent(*operands: jax.Array, engine: Any, kernel: Any, **params: Any) -> list[Any]:
        del engine
        return list(cotangent_p.bind(*operands, engine=kernel, **params))

    def dense_jvp(of: Callable[..., jax.Array], primals: Any, tangents: Any, **params: Any) -> Any:
        """Differentiates what is a derivative already, as JAX would."""
        first, *others, last = primals
        along = [ad.instantiate_zeros(tangents[i]) for i in (0, -1)]
        out, tangent = jax.jvp(
            lambda first, last: of(first, *others, last, **_settings(params)), (first, last), tuple(along)
        )
        return [out], [tangent]

    ad.primitive_jvps[value_p] = value_jvp
    ad.primitive_jvps[tangent_p] = functools.partial(dense_jvp, push_forward)
    ad.primitive_jvps[cotangent_p] = functools.partial(dense_jvp, pull_back)
    ad.primitive_transposes[tangent_p] = functools.partial(transpose, bind_cotangent)
    ad.primitive_transposes[cotangent_p] = functools.partial(transpose, bind_tangent)

    def run(x: jax.Array, *others: jax.Array, engine: Any = engines.BEST, **settings: Any) -> jax.Array:
        operands = _sharding.match_varying(x, *map(lax.stop_gradient, others))
        return value_p.bind(*operands, trailing=0, engine=engine, **settings)[0]

    return run


def _settings(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a primitive that the function has, too."""
    return {key: value for key, value in params.items() if key not in ("trailing", "engine", "kernel")}

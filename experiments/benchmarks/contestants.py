"""Who competes: implementations that JAX compiles, forms that XLA could sort in, PyTorch and NumPy."""

import functools
import importlib.util
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import diffsort
from diffsort.engines.gathering import gather
from diffsort.engines.keys import order_keys
from diffsort.implementations import Chosen, get_implementation
from experiments.benchmarks.timing import Program

REFERENCE = "manual"  # whom the others are compared to
BUILTIN, TORCH, NUMPY, MAXPOOL = "builtin", "torch", "numpy_packed", "maxpool"

# In tables and pictures, whoever is not here comes last.
ORDER = (REFERENCE, "manual:native", "manual:xla", BUILTIN, "double_argsort", TORCH, NUMPY, MAXPOOL)
_LABELS = {TORCH: "PyTorch", NUMPY: "NumPy, packed"}

Form = Callable[[jax.Array], tuple[jax.Array, jax.Array]]


def implementations() -> tuple[str, ...]:
    """Returns `manual`, the engines that it does not take, and the two that it is compared to.

    The engine that it takes would be the same program once more; `engine_of_manual` names it.
    """
    others = (name for name in _engines() if name != f"manual:{engine_of_manual()}")
    return (REFERENCE, *others, BUILTIN, "double_argsort")


@functools.cache
def engine_of_manual() -> str | None:
    """Returns the engine that makes the same program as `manual` on JAX's default device, if one does."""
    example = jax.ShapeDtypeStruct((1000,), jnp.float32)

    def program(name: str) -> str:
        return jax.jit(forward_and_backward(name, 0)).lower(example, example).as_text()

    same = (name for name in _engines() if program(name) == program(REFERENCE))
    return next((name.removeprefix("manual:") for name in same), None)


def label(name: str, engine: str | None = None) -> str:
    """Returns what people call a contestant: `manual` by the engine that it took, if that is given.

    >>> label("manual", "native"), label("torch")
    ('manual (native)', 'PyTorch')
    """
    return f"manual ({engine})" if engine and name == REFERENCE else _LABELS.get(name, name)


def sort_along(name: str | Chosen, axis: int) -> Callable[[jax.Array], jax.Array]:
    """Returns the sort along `axis` of an implementation; `builtin` is jax.numpy.sort itself."""
    if name == BUILTIN:
        return functools.partial(jnp.sort, axis=axis)
    return functools.partial(diffsort.sort, axis=axis, implementation=get_implementation(name))


def forward_and_backward(name: str | Chosen, axis: int) -> Callable[[jax.Array, jax.Array], object]:
    """Returns a function of an array and a cotangent, to be compiled: sorted values and gradient."""
    sort = sort_along(name, axis)

    def run(x: jax.Array, cotangent: jax.Array) -> tuple[jax.Array, jax.Array]:
        values, pull_back = jax.vjp(sort, x)
        return values, pull_back(cotangent)[0]

    return run


def forms(x: jax.Array) -> dict[str, Form]:
    """Returns functions that find values and int32 indices along the last axis, by what XLA sorts in them.

    They are candidates for the portable engine. All of them keep ties in input order.

    Args:
        x: any real dtype of at least 16 bits; only its dtype and shape matter.
    """
    axis, bits = len(x.shape) - 1, (x.shape[-1] - 1).bit_length()

    def iota(dtype: jax.typing.DTypeLike) -> jax.Array:
        return lax.broadcasted_iota(dtype, x.shape, axis)

    def paired(keys: jax.Array) -> tuple[jax.Array, jax.Array]:
        ordered, indices = lax.sort((keys, iota(jnp.int32)), is_stable=True, num_keys=1)
        return ordered, indices

    def packed(x: jax.Array, word: jax.typing.DTypeLike) -> jax.Array:
        with jax.enable_x64(True):
            keys = order_keys(x).values.astype(word) << jnp.asarray(bits, word)
            ordered = lax.sort(keys | iota(word), is_stable=False)
            return (ordered & jnp.asarray((1 << bits) - 1, word)).astype(jnp.int32)

    def gathered(find: Callable[[jax.Array], jax.Array]) -> Form:
        def form(x: jax.Array) -> tuple[jax.Array, jax.Array]:
            indices = find(x)
            return gather(x, indices, axis), indices

        return form

    found = {"key, index": gathered(lambda x: paired(order_keys(x).values)[1])}
    for word in (jnp.int32, jnp.int64):
        if x.dtype.itemsize * 8 + bits <= jnp.dtype(word).itemsize * 8:
            found[f"packed {jnp.dtype(word).name}"] = gathered(functools.partial(packed, word=word))
    if jnp.issubdtype(x.dtype, jnp.floating):
        found["element, index"] = paired
    return {**found, "jnp.argsort": gathered(lambda x: jnp.argsort(x).astype(jnp.int32))}


def peers(x: jax.Array, axis: int, cotangent: jax.Array | None = None) -> dict[str, Program]:
    """Returns the programs to time beside JAX's, by name.

    PyTorch is one where it is installed and has a device of the same kind. It gives values and indices, or
    values and their gradient if there is a cotangent; NumPy, which has no gradient, is then one on CPUs.

    Args:
        x: what to sort; of any real dtype.
        axis: non-negative.
        cotangent: of the sorted values.
    """
    torch, backend = import_torch(), jax.default_backend()
    programs: dict[str, Program] = {}
    if cotangent is not None and backend == "cpu" and x.dtype == np.float32:
        programs[NUMPY] = _numpy_program(x, axis)
    if torch and backend == "cpu":
        programs[TORCH] = _torch_program(torch, "cpu", x, axis, cotangent)
    elif torch and backend in ("gpu", "cuda", "rocm") and torch.cuda.is_available():
        programs[TORCH] = _torch_program(torch, "cuda", x, axis, cotangent)
    return programs


def import_torch() -> Any:
    """Returns PyTorch, or None where it is not installed."""
    return importlib.import_module("torch") if importlib.util.find_spec("torch") else None


def _torch_program(torch: Any, device: str, x: jax.Array, axis: int, cotangent: jax.Array | None) -> Program:
    def tensor(a: jax.Array) -> Any:
        # NumPy has no bfloat16 that PyTorch knows, and every one of them is a float32.
        copy = np.asarray(a, np.float32 if a.dtype == jnp.bfloat16 else None)
        return torch.tensor(copy, dtype=getattr(torch, a.dtype.name), device=device)

    given = tensor(x).requires_grad_(cotangent is not None)
    weights = None if cotangent is None else tensor(cotangent)

    def program() -> object:
        values, indices = torch.sort(given, dim=axis)
        found = indices if weights is None else torch.autograd.grad(values, given, weights)[0]
        if device != "cpu":  # only a CPU has finished when a call returns
            torch.cuda.synchronize()
        return values.detach(), found

    return program


def _numpy_program(x: jax.Array, axis: int) -> Program:
    """NumPy's SIMD sort of uint64, order-preserving keys above their index, and a gather; no backward part.

    The keys and the places to gather from are made beforehand, so what is left is the sort and one pass
    over the elements.
    """
    keys = np.asarray(order_keys(x).values).view(np.uint32) ^ np.uint32(1 << 31)  # unsigned, in their order
    index = np.indices(x.shape, np.uint64, sparse=True)[axis]
    packed = (keys.astype(np.uint64) << np.uint64(32)) | index
    order = (np.sort(packed, axis) & np.uint64(0xFFFFFFFF)).astype(np.intp)
    places = np.take_along_axis(np.arange(x.size).reshape(x.shape), order, axis)
    elements = np.asarray(x).reshape(-1)
    return lambda: (np.take(elements, places), np.sort(packed, axis))


def _engines() -> list[str]:
    """The engines that make programs for JAX's default device."""
    names = [name for name in diffsort.implementation_names() if name.startswith("manual:")]
    return [name for name in names if name != "manual:native" or jax.default_backend() == "cpu"]

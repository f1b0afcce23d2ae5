"""What GPUs and TPUs are given to run, as far as that can be read without one.

XLA hands a sort to NVIDIA's CUB only along the last axis, with one or two operands, and with int32 values
beside float or integer keys.
"""

import re
from functools import partial

import jax
import jax.numpy as jnp
import pytest

import diffsort

PLATFORMS = ("cuda", "tpu")
INTEGERS = {
    "float32": "i32",
    "bfloat16": "i32",
    "int8": "i32",
    "uint32": "i32",
    "float64": "i64",
    "int64": "i64",
}

with_platforms = pytest.mark.parametrize("platform", PLATFORMS)


def lowered(function: object, platform: str, *operands: jax.Array) -> str:
    return jax.jit(function).trace(*operands).lower(lowering_platforms=(platform,)).as_text()


def sorts(text: str) -> list[tuple[list[str], int]]:
    """The element types of the operands of each sort, and how many axes come after the sorted one."""
    found = []
    for match in re.finditer(
        r'"stablehlo\.sort"\(.*?dimension = (\d+).*?\}\) : \((.*?)\) ->', text, re.DOTALL
    ):
        shapes = re.findall(r"tensor<([\dx]*)x(\w+)>", match[2])
        found.append(([kind for _, kind in shapes], shapes[0][0].count("x") - int(match[1])))
    return found


@with_platforms
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_one_sort_of_integer_keys_and_int32_indices_along_the_last_axis(
    dtype: str, axis: int, platform: str
) -> None:
    with jax.enable_x64(dtype.endswith("64")):
        text = lowered(partial(diffsort.sort_with_indices, axis=axis), platform, jnp.zeros((4, 5, 6), dtype))
    assert sorts(text) == [([INTEGERS[dtype], "i32"], 0)]
    if INTEGERS[dtype] == "i32":
        assert not re.search(r"[ui]64>|x[if]64", re.sub(r"array<i64.*?>|dense<.*?> : .*?i64>", "", text))


@with_platforms
def test_a_mask_needs_no_third_operand(platform: str) -> None:
    def masked(x: jax.Array, where: jax.Array) -> jax.Array:
        return diffsort.sort(x, where=where)

    assert sorts(lowered(masked, platform, jnp.zeros((4, 6)), jnp.ones((4, 6), bool))) == [
        (["i32", "i32"], 0)
    ]


@with_platforms
def test_the_backward_pass_is_a_scatter_of_unique_indices(platform: str) -> None:
    def pull_back(x: jax.Array, cotangent: jax.Array) -> jax.Array:
        return jax.vjp(diffsort.sort, x)[1](cotangent)[0]

    text = lowered(pull_back, platform, jnp.zeros((64, 64)), jnp.zeros((64, 64)))
    assert len(sorts(text)) == 1
    scatters = re.findall(r'"stablehlo\.scatter".*?unique_indices = (\w+)', text, re.DOTALL)
    assert scatters == ["true"]
    assert "custom_call" not in re.sub(r"custom_call @(Sharding|SPMD\w+)", "", text)

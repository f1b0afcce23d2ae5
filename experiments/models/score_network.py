"""A convolutional network that gives each image of a set a score."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from experiments.models.multilayer_perceptron import MultilayerPerceptron

_KERNELS, _STRIDE = (5, 3), 2


class ScoreNetwork(nnx.Module):
    """Two convolutions, each of which halves height and width, and dense layers.

    Strides stand for the poolings of the network of Grover et al. (2019): a fraction of the time on a CPU. So
    does the form of the convolutions, dense layers of patches: inside a loop, XLA's own take thirty times as
    long there.

    Args:
        height: of an image.
        width: of an image.
        convolution_widths: features of the two convolutions.
        dense_widths: features of each hidden dense layer.
        rngs: random streams; "params" is used.

    Raises:
        ValueError: there are not two convolutions.
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        convolution_widths: Sequence[int],
        dense_widths: Sequence[int],
        rngs: nnx.Rngs,
    ) -> None:
        if len(convolution_widths) != len(_KERNELS):
            raise ValueError(f"convolution_widths={list(convolution_widths)} must name two layers.")
        features, convolutions = 1, []
        for kernel, out in zip(_KERNELS, convolution_widths, strict=True):
            convolutions.append(nnx.Linear(kernel * kernel * features, out, rngs=rngs))
            features, height, width = out, -(-height // _STRIDE), -(-width // _STRIDE)
        self.convolutions = nnx.List(convolutions)
        self.score = MultilayerPerceptron(features * height * width, 1, widths=dense_widths, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        """Returns scores (b, n) for images (b, n, height, width)."""
        x = images.reshape(-1, *images.shape[2:], 1)
        for kernel, convolution in zip(_KERNELS, self.convolutions, strict=True):
            x = nnx.relu(convolution(_patches(x, kernel)))
        return self.score(x.reshape(len(x), -1)).reshape(images.shape[:2])


def _patches(x: jax.Array, size: int) -> jax.Array:
    """The squares around every other pixel, (b, ⌈h/2⌉, ⌈w/2⌉, size² c), of images (b, h, w, c)."""
    height, width = x.shape[1:3]
    around = size // 2
    padded = jnp.pad(x, ((0, 0), (around, around), (around, around), (0, 0)))
    shifted = [
        padded[:, i : i + height : _STRIDE, j : j + width : _STRIDE] for i in range(size) for j in range(size)
    ]
    return jnp.concatenate(shifted, -1)

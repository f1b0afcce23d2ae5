"""A convolutional network that gives each image of a set a score."""

from collections.abc import Sequence

import jax
from flax import nnx

from experiments.models.multilayer_perceptron import MultilayerPerceptron

_KERNELS, _STRIDE = (5, 3), 2


class ScoreNetwork(nnx.Module):
    """Two convolutions, each of which halves height and width, and dense layers.

    Strides stand for the poolings of the network of Grover et al. (2019): a fraction of the time on a CPU.

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
            convolutions.append(nnx.Conv(features, out, (kernel, kernel), strides=_STRIDE, rngs=rngs))
            features, height, width = out, -(-height // _STRIDE), -(-width // _STRIDE)
        self.convolutions = nnx.List(convolutions)
        self.score = MultilayerPerceptron(features * height * width, 1, widths=dense_widths, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        """Returns scores (b, n) for images (b, n, height, width)."""
        x = images.reshape(-1, *images.shape[2:], 1)
        for convolution in self.convolutions:
            x = nnx.relu(convolution(x))
        return self.score(x.reshape(len(x), -1)).reshape(images.shape[:2])

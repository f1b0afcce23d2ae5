"""Pools of featurewise statistics against NumPy and SciPy, and the order of their results."""

import numpy as np
import pytest
import scipy.stats

from diffsort.pooling import quantile_pool, trimmed_mean_pool
from tests.pooling.sets import masks, sets


def test_quantiles_come_feature_by_feature() -> None:
    x, mask, levels = sets(), masks(), (0.25, 0, 1, 0.9)
    pooled = quantile_pool(x, levels, where=mask)
    assert pooled.shape == (4, 12)
    for b in range(1, 4):
        for c in range(3):
            for level, q in enumerate(levels):
                expected = np.quantile(x[b, mask[b], c], q)
                np.testing.assert_allclose(pooled[b, c * 4 + level], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("proportion", [0, 0.1, 0.34])
def test_trimmed_means(proportion: float) -> None:
    x, mask = sets(), masks()
    pooled = trimmed_mean_pool(x, proportion, where=mask)
    for b in range(1, 4):
        expected = scipy.stats.trim_mean(x[b, mask[b]], proportion, axis=0)
        np.testing.assert_allclose(pooled[b], expected, rtol=1e-5, atol=1e-6)


def test_what_is_cut_may_be_infinite() -> None:
    x = sets()
    x[:, 0], x[:, 1] = np.inf, -np.inf
    np.testing.assert_allclose(trimmed_mean_pool(x, 0.12), x[:, 2:].mean(1), rtol=1e-5, atol=1e-6)
    assert np.isfinite(quantile_pool(x, (0.2, 0.5, 0.8))).all()

"""SortPooling against Python's sort."""

import numpy as np
import pytest

from diffsort.pooling import sort_pool
from tests.oracles import IMPLEMENTATIONS
from tests.pooling.sets import masks, sets


def by_definition(x: np.ndarray, k: int, mask: np.ndarray, sort_channels: int) -> np.ndarray:
    out = np.zeros((x.shape[0], k, x.shape[2]), x.dtype)
    for b in range(x.shape[0]):
        rows = x[b, mask[b]]
        order = sorted(range(len(rows)), key=lambda i: tuple(-rows[i, ::-1][:sort_channels]))
        out[b, : min(k, len(rows))] = rows[order][:k]
    return out


@pytest.mark.parametrize(
    ("implementation", "sort_channels", "k"),
    [
        *(("manual", channels, k) for channels in (1, 2, 3) for k in (1, 9, 12)),
        *((implementation, 2, 5) for implementation in IMPLEMENTATIONS),
    ],
)
def test_rows_are_ordered_and_padded(implementation: str, sort_channels: int, k: int) -> None:
    x, mask = sets(ties=True), masks()
    pooled = sort_pool(x, k, where=mask, sort_channels=sort_channels, implementation=implementation)
    np.testing.assert_array_equal(pooled, by_definition(x, k, mask, sort_channels))

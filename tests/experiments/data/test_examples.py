from __future__ import annotations

import numpy as np
import pytest

from experiments.data import Dataset, Examples, LabelledVectors, Measurements, PointSets
from experiments.errors import UserError

LABELS = np.zeros(4, np.int32)
KINDS = {
    "points": PointSets(np.zeros((4, 5, 3), np.float32), np.zeros((4, 5), bool), LABELS),
    "features": LabelledVectors(np.zeros((4, 6), np.float32), LABELS),
    "targets": Measurements(np.zeros((4, 6), np.float32), np.zeros(4, np.float32)),
}


@pytest.mark.parametrize("name", KINDS)
def test_rows_are_examples(name: str) -> None:
    examples = KINDS[name]
    assert len(examples) == 4
    assert set(examples.inputs) < examples.arrays().keys()
    assert len(examples.take(slice(1, 3))) == len(examples.take(np.array([3, 0]))) == 2
    for shorter in examples.arrays():
        arrays = {key: values[: 3 if key == shorter else 4] for key, values in examples.arrays().items()}
        with pytest.raises(ValueError, match="a row is an example"):
            type(examples)(**arrays)


def test_a_mask_fits_its_points() -> None:
    with pytest.raises(ValueError, match=r"a mask \(4, 4\) does not fit points \(4, 5, 3\)"):
        PointSets(np.zeros((4, 5, 3)), np.zeros((4, 4), bool), LABELS)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("name", KINDS)
def test_a_number_that_is_not_finite_is_found(name: str, split: str, value: float) -> None:
    splits: dict[str, Examples] = dict.fromkeys(("train", "validation", "test"), KINDS[name])
    Dataset("study", None, **splits)
    splits[split] = KINDS[name].take(np.arange(4))
    splits[split].arrays()[name][2] = value
    with pytest.raises(UserError) as error:
        Dataset("study", None, **splits)
    assert str(error.value).startswith(f"data.name=study: the {name} of row 2 of {split} are not all finite")


def test_an_empty_split_is_no_reason_to_complain() -> None:
    empty = KINDS["points"].take(slice(0))
    assert len(Dataset("none", 10, empty, empty, empty).train) == 0

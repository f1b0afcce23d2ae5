from __future__ import annotations

from pathlib import Path

import numpy as np

from experiments.data import LabelledVectors, Measurements, load_diabetes, load_point_sets, load_vectors


def test_vectors_are_the_images_of_the_point_sets(data_directory: Path) -> None:
    vectors = load_vectors("digits", data_directory, progress=False)
    sets = load_point_sets("digits", data_directory, progress=False)
    assert vectors.num_classes == 10
    for split in ("train", "validation", "test"):
        flat, points = getattr(vectors, split), getattr(sets, split)
        assert isinstance(flat, LabelledVectors)
        assert flat.features.shape == (len(points), 64)
        np.testing.assert_array_equal(flat.labels, points.labels)
        np.testing.assert_allclose(flat.features.sum(1), points.points[..., 2].sum(1), rtol=1e-6)
        np.testing.assert_array_equal((flat.features > 0).sum(1), points.mask.sum(1))
    assert vectors.train.features.max() == 1


def test_corruption_reaches_the_training_split_alone(data_directory: Path) -> None:
    for load in (load_vectors, load_point_sets):
        clean = load("digits", data_directory, progress=False)
        noisy = load("digits", data_directory, label_noise=0.25, rare_classes=[3], seed=1, progress=False)
        assert len(noisy.train) < len(clean.train)
        np.testing.assert_array_equal(noisy.test.labels, clean.test.labels)
        np.testing.assert_array_equal(noisy.validation.labels, clean.validation.labels)


def test_diabetes_is_split_anew_by_every_seed() -> None:
    first, again, other = load_diabetes(seed=0), load_diabetes(seed=0), load_diabetes(seed=1)
    for data in (first, other):
        assert isinstance(data.train, Measurements)
        assert [len(split) for split in (data.train, data.validation, data.test)] == [266, 88, 88]
        assert data.train.features.shape[1] == 10
        for values in (data.train.features, data.train.targets):
            np.testing.assert_allclose(values.mean(0), 0, atol=1e-5)
            np.testing.assert_allclose(values.std(0), 1, atol=1e-5)
    np.testing.assert_array_equal(first.test.targets, again.test.targets)
    assert set(first.test.targets.tolist()) != set(other.test.targets.tolist())
    rows = [
        tuple(np.round(row, 3))
        for split in (first.train, first.validation, first.test)
        for row in split.features
    ]
    assert len(set(rows)) == 442

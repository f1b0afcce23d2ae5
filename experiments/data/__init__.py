"""Data: what is on disk as arrays in memory, and as batches in a training step."""

from experiments.data.batches import Batch, Batches, evaluation_batches, stream, training_batches
from experiments.data.digits import Digits
from experiments.data.examples import Dataset, Examples, LabelledVectors, Measurements, PointSets, Split
from experiments.data.images import LabelledImages, open_dataset
from experiments.data.point_sets import image_to_points, load_point_sets
from experiments.data.vectors import load_diabetes, load_vectors

__all__ = [
    "Batch",
    "Batches",
    "Dataset",
    "Digits",
    "Examples",
    "LabelledImages",
    "LabelledVectors",
    "Measurements",
    "PointSets",
    "Split",
    "evaluation_batches",
    "image_to_points",
    "load_diabetes",
    "load_point_sets",
    "load_vectors",
    "open_dataset",
    "stream",
    "training_batches",
]

"""Data: what is on disk as arrays in memory, and as batches in a training step."""

from experiments.data.batches import Batch, Batches, evaluation_batches, stream, training_batches
from experiments.data.digits import Digits
from experiments.data.examples import (
    Dataset,
    Examples,
    LabelledVectors,
    Measurements,
    NumberSets,
    PixelSets,
    PointSets,
    RaggedSets,
    Split,
)
from experiments.data.number_images import load_number_sets, load_number_vectors
from experiments.data.point_clouds import load_point_clouds
from experiments.data.point_sets import image_to_points, load_point_sets
from experiments.data.records import Records, open_dataset
from experiments.data.stored import Stored
from experiments.data.vectors import load_diabetes, load_vectors

__all__ = [
    "Batch",
    "Batches",
    "Dataset",
    "Digits",
    "Examples",
    "LabelledVectors",
    "Measurements",
    "NumberSets",
    "PixelSets",
    "PointSets",
    "RaggedSets",
    "Records",
    "Split",
    "Stored",
    "evaluation_batches",
    "image_to_points",
    "load_diabetes",
    "load_number_sets",
    "load_number_vectors",
    "load_point_clouds",
    "load_point_sets",
    "load_vectors",
    "open_dataset",
    "stream",
    "training_batches",
]

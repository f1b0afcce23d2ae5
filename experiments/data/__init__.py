"""Data: images from TFDS on disk, as point sets in memory, as batches in a training step."""

from experiments.data.batches import Batch, evaluation_batches, training_batches
from experiments.data.digits import Digits
from experiments.data.images import ImageDataset, LabelledImages, open_dataset
from experiments.data.loading import PointSetDataset, load_point_sets
from experiments.data.point_sets import PointSets, image_to_points

__all__ = [
    "Batch",
    "Digits",
    "ImageDataset",
    "LabelledImages",
    "PointSetDataset",
    "PointSets",
    "evaluation_batches",
    "image_to_points",
    "load_point_sets",
    "open_dataset",
    "training_batches",
]

"""Tasks: what a model is trained to do, on which examples, and how it is judged."""

from experiments.tasks.autoencoding import Autoencoding
from experiments.tasks.classification import CertifiedClassification, Classification, TopKClassification
from experiments.tasks.generation import Generation
from experiments.tasks.regression import Regression
from experiments.tasks.sorting import Sorting
from experiments.tasks.task import Arrays, Evaluation, Task

__all__ = [
    "Arrays",
    "Autoencoding",
    "CertifiedClassification",
    "Classification",
    "Evaluation",
    "Generation",
    "Regression",
    "Sorting",
    "Task",
    "TopKClassification",
]

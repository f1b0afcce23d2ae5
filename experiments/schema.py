"""What a config may say: the keys of every section and their types, as Hydra's ConfigStore has them.

The files in `configs/` hold the values and what they mean. Each names its declaration in its `defaults`, so
that OmegaConf refuses a key that is not declared and a value of another type, wherever it is written: on the
command line, in an experiment, in another config. A choice that names none, in a folder of your own
(`--config-dir`), is taken as it is. What several choices share stands here as a default.

These are plain dataclasses. hydra-zen's `builds(..., populate_full_signature=True)` would derive them, but
it imports what they build, and with it JAX: seconds before a typo is told. And what a study may vary is less
than what a constructor takes.
"""

from dataclasses import dataclass, field, make_dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from experiments.sort_schema import SORTS, Schedule, Sort, findable, sort_choice


@dataclass
class Trainer:
    """How long to train, and what to do on the way."""

    steps: int = MISSING
    batch_size: int = MISSING
    evaluate_every: int = MISSING
    checkpoint_every: int = MISSING
    keep_checkpoints: int = MISSING
    resume: str | None = None
    overwrite: bool = False
    patience: int | None = None
    devices: int | None = None
    steps_per_call: int = 1
    precision: str = "float32"
    on_nonfinite: str = "stop"
    measure_sort: bool = True
    gradient_noise: int = 0
    profile: bool = False
    debug: bool = False


@dataclass
class Cluster:
    """Which processes train together, where no scheduler says so.

    Attributes:
        coordinator_address: HOST:PORT, where process 0 listens.
        num_processes: how many there are.
        process_id: which this is, from 0.
        initialization_timeout: seconds that they wait for each other at the start.
    """

    coordinator_address: str | None = None
    num_processes: int | None = None
    process_id: int | None = None
    initialization_timeout: int = 300


@dataclass
class Optimizer:
    """A transformation of gradients under a schedule: a linear warm-up to the peak, then a cosine decay.

    Attributes:
        learning_rate: at the peak.
        warmup: fraction of the steps.
        final: learning rate at the end, as a fraction of the peak.
        clip: largest global norm of a gradient; None leaves them as they are.
        transform: from Optax.
    """

    learning_rate: float = 0.005
    warmup: float = 0.05
    final: float = 0.01
    clip: float | None = None
    transform: Any = MISSING


@dataclass
class Config:
    """All of it; a section that depends on its choice is declared by the choice."""

    seed: int = MISSING
    task: Any = MISSING
    model: Any = MISSING
    sort: Sort = field(default_factory=Sort)
    data: Any = MISSING
    loss: Any = MISSING
    reduction: Any = MISSING
    optimizer: Optimizer = field(default_factory=Optimizer)
    trainer: Trainer = field(default_factory=Trainer)
    logger: Any = MISSING
    distributed: Any = "auto"
    cluster: Cluster = field(default_factory=Cluster)


@dataclass
class Target:
    """Something without settings."""

    _target_: str | None = MISSING


@dataclass
class Partial(Target):
    """Something whose other arguments come later."""

    _partial_: bool = True


@dataclass
class Sorting(Target):
    """Something that sorts, as `sort=` says."""

    implementation: Any = "${sort.implementation}"


@dataclass
class Named(Target):
    """A task, a model or data, with the name that results have."""

    name: str = MISSING


@dataclass
class Images(Named):
    """Something that is made of images.

    Attributes:
        directory: the folder of all datasets.
    """

    directory: str = "${oc.env:TFDS_DATA_DIR,data}"


@dataclass
class Vectors(Images):
    """Images as vectors.

    Attributes:
        in_memory: whether to read all examples at once, or each when it is needed; None does what fits.
        label_noise: fraction of the training labels to replace by another class.
        rare_classes: those of which only a part of the training examples is kept.
        rare_fraction: how much is kept of them.
    """

    in_memory: bool | None = None
    label_noise: float = 0.0
    rare_classes: list[int] = field(default_factory=list)
    rare_fraction: float = 0.1


@dataclass
class PointSets(Vectors):
    """Images as sets of points.

    Attributes:
        max_points: points of a set at most, the brightest pixels; None keeps all.
        upscale: how many times as high and wide to make the images before.
        ragged: whether batches hold the points of all sets without padding each to the largest.
    """

    _target_: str | None = "experiments.data.load_point_sets"
    max_points: int | None = None
    upscale: int = 1
    ragged: bool = False


@dataclass
class PointClouds(Vectors):
    """Shapes as sets of points.

    Attributes:
        num_points: points of a set.
        ragged: whether batches hold the points of all sets one after the other.
    """

    _target_: str | None = "experiments.data.load_point_clouds"
    num_points: int = MISSING
    ragged: bool = False


@dataclass
class SetClassifier(Named):
    """A network for each point, a pooling, a network for the set."""

    _target_: str | None = "experiments.models.SetClassifier"
    point_widths: list[int] = field(default_factory=lambda: [64, 128])
    set_widths: list[int] = field(default_factory=lambda: [64])
    pooling: Any = MISSING


def _declare(name: str, *bases: type, **types: Any) -> type:
    """Makes a dataclass of what has no default."""
    return findable(make_dataclass(name, [(key, kind, MISSING) for key, kind in types.items()], bases=bases))


_DECLARED = (
    *(Sort, Schedule, Trainer, Cluster, Optimizer, Config, Target, Partial, Sorting, Named),
    *(Images, Vectors, PointSets, PointClouds, SetClassifier),
    # Transformations of gradients.
    _declare("AdamW", Partial, weight_decay=float),
    _declare("SGD", Partial, momentum=float),
    # Data.
    _declare("NumberSets", Images, set_size=int, num_digits=int),
    _declare("NumberVectors", Images, num_train=int, num_digits=int, label_noise=float),
    # Tasks.
    _declare("Certified", Named, radius=float),
    _declare("Generation", Named, num_points=int, num_latents=int),
    _declare("TopK", Named, k=int),
    # Models, and what they pool with.
    _declare("MultiheadAttention", Partial, num_heads=int),
    _declare("PSWE", Sorting, Partial, num_projections=int, num_points=int),
    _declare("FSPool", Sorting, Partial, pieces=int, knots_init=Any, reduction=str),
    _declare("Normal", Target, stddev=float),
    _declare(
        *("DGCNN", Named, Sorting),
        radius=float,
        graph_widths=list[int],
        k=int,
        convolution_widths=list[int],
        set_widths=list[int],
    ),
    _declare(
        *("ExpertClassifier", Named, Sorting),
        point_widths=list[int],
        num_experts=int,
        num_selected=int,
        set_widths=list[int],
        pooling=Any,
    ),
    _declare("DenseAutoencoder", Named, point_widths=list[int], num_latents=int, set_widths=list[int]),
    _declare("FSAutoencoder", Named, Sorting, point_widths=list[int], num_latents=int, pieces=int),
    _declare("Network", Named, widths=list[int]),
    _declare("ScoreNetwork", Named, convolution_widths=list[int], dense_widths=list[int]),
    _declare("Lipschitz", Named, Sorting, widths=list[int], activation=str, group_size=int),
    # Losses.
    _declare("Tempered", Partial, temperature=float),
    _declare("Ensemble", Sorting, members=int, fair=bool | float),
    _declare("SlicedWasserstein", Sorting, num_projections=int, p=float, greatest=bool),
    _declare("Quantiles", Target, levels=list[float]),
    _declare("TopKCrossEntropy", Sorting, weights=list[float]),
    # Reductions.
    _declare("AverageTopK", Sorting, k=int),
    _declare("CVaR", Sorting, level=float, smoothing=float),
    _declare("SpectralRisk", Sorting, spectrum=Any),
    _declare("Exponential", Target, rho=float),
    _declare("Extremile", Target, r=float),
    _declare("RankedRange", Sorting, k=int, m=int),
    _declare("Trimmed", Sorting, proportion=float),
    # Loggers.
    _declare("Mlflow", Target, experiment=str, tracking_uri=str | None),
    _declare("Wandb", Target, project=str, mode=str),
)


def _register() -> None:
    """Makes the declarations known to Hydra by their names, and the sorts as choices."""
    store = ConfigStore.instance()
    for declared in _DECLARED:
        store.store(name=declared.__name__, node=declared)
    for name in SORTS:
        store.store(group="sort", name=name, node=sort_choice(name))


_register()

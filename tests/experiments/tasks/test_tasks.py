"""Every task: a whole run, and its metrics worked by hand."""

import math

import matplotlib.image
import numpy as np
import pytest

from experiments.data import LabelledVectors
from experiments.losses import RankError, SquaredError
from experiments.run_directory import RunDirectory
from experiments.tasks import (
    CertifiedClassification,
    Classification,
    Evaluation,
    Regression,
    Sorting,
    TopKClassification,
)
from tests.experiments.conftest import train

RUNS = {
    "classification": [],
    "certified": ["task=certified", "data=digit_vectors", "model=lipschitz", "loss=tempered_cross_entropy"],
    "regression": ["task=regression", "data=diabetes", "model=network", "loss=crps"],
    "generation": ["task=generation", "model=generator", "loss=sliced_wasserstein"],
    "autoencoding": ["task=autoencoding", "model=fspool_autoencoder", "loss=pairwise"],
    "sorting": [
        *("task=sorting", "data=number_sets", "data.set_size=3", "model=score_network"),
        *("loss=permutation", "sort=softsort"),
    ],
}
WITH_PICTURE = {"certified", "regression", "generation", "autoencoding", "sorting"}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_learns_and_writes_what_the_task_promises(configure, tmp_path, name):
    summary = train(configure(*RUNS[name], "trainer.steps=60", "trainer.evaluate_every=20"), tmp_path)
    assert summary["task"] == name
    assert summary["metric_is_better"] in ("higher", "lower")
    test = {key: value for key, value in summary.items() if key.startswith("test_")}
    assert {"test_loss", f"test_{summary['metric']}"} <= test.keys()
    assert all(math.isfinite(value) for value in test.values())
    rows = RunDirectory(tmp_path).metrics()
    losses = [row["loss"] for row in rows if "loss" in row]
    assert np.mean(losses[-5:]) < 0.95 * np.mean(losses[:5])
    validation = [row for row in rows if f"validation_{summary['metric']}" in row]
    assert [row["step"] for row in validation] == [20, 40, 60]
    picture = tmp_path / "picture.png"
    assert picture.exists() == (name in WITH_PICTURE)
    if picture.exists():
        assert np.ptp(matplotlib.image.imread(picture)) > 0.5


@pytest.mark.parametrize(
    "overrides",
    [
        [*RUNS["regression"]],
        pytest.param([*RUNS["generation"]], marks=pytest.mark.slow),
        [*RUNS["autoencoding"]],
        [*RUNS["certified"], "model.activation=group_sort"],
        *(["model=maxpool", f"reduction={name}"] for name in ("cvar", "trimmed", "extremile")),
    ],
    ids=lambda overrides: overrides[-1],
)
def test_losses_are_bitwise_equal_whatever_the_sort(configure, tmp_path, overrides):
    curves = []
    for sort in ("manual", "builtin"):
        train(configure(*overrides, f"sort={sort}", "trainer.steps=5"), tmp_path / sort)
        curves.append([row["loss"] for row in RunDirectory(tmp_path / sort).metrics() if "loss" in row])
    assert curves[0] == curves[1]


def evaluation(predictions, **given):
    given = {name: np.array(values) for name, values in given.items()}
    return Evaluation(1, predictions, given, examples=None)


SCORES = np.array([[3.0, 1.0, 0.0], [0.0, 2.0, 1.0], [5.0, 1.0, 4.0], [0.0, 0.0, 1.0]], np.float32)
LABELS = [0, 1, 2, 2]


def test_metrics_of_classification_by_hand():
    task = Classification(loss=np.mean, reduction=np.mean)
    of = evaluation({"scores": SCORES, "losses": np.array([1.0, 2.0, 3.0, 4.0])}, labels=LABELS)
    assert task.metrics(of, of) == {"loss": 2.5, "accuracy": 0.75, "worst_class_accuracy": 0.5}


def test_the_right_class_among_the_greatest_scores_by_hand():
    of = evaluation({"scores": SCORES, "losses": np.zeros(4)}, labels=[1, 1, 1, 1])
    accuracies = [TopKClassification(k, loss=np.mean, reduction=np.mean).metrics(of, of) for k in (1, 2, 3)]
    assert [metrics["top_k_accuracy"] for metrics in accuracies] == [0.25, 0.5, 1.0]
    assert accuracies[0]["accuracy"] == 0.25
    with pytest.raises(ValueError, match=r"task\.k=0 must be at least 1"):
        TopKClassification(0, loss=np.mean, reduction=np.mean)


def test_metrics_of_sorting_by_hand():
    task = Sorting(loss=RankError("manual"), reduction=np.mean)
    scores = np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [5.0, 7.0, 6.0], [1.0, 2.0, 3.0]])
    numbers = [[10, 20, 30], [10, 20, 30], [8, 8, 5], [4, 4, 9]]  # equal ones, in either order
    of = evaluation({"scores": scores, "losses": np.zeros(4)}, numbers=numbers)
    metrics = task.metrics(of, of)
    assert metrics["exact_match"] == 0.5
    # The second set has its middle right, the third none: 5, 8, 8 is found as 8, 5, 8, whose last is right.
    assert metrics["element_accuracy"] == pytest.approx((3 + 1 + 1 + 3) / 12)
    # In fives: 10, 20, 30, 10, 20 by 0.1, 0.2, 0.3, 0.3, 0.2 is 10, 20, 20, 30, 10: wrong; the other is, too.
    assert metrics["exact_match_5"] == 0


def test_certified_radii_by_hand():
    task = CertifiedClassification(1.0, loss=np.mean, reduction=np.mean)
    of = evaluation({"scores": SCORES, "losses": np.zeros(4)}, labels=LABELS)
    # Margins of 2, 1, −1 (wrong) and 1, divided by √2.
    metrics = task.metrics(of, of)
    assert metrics["certified_accuracy"] == 0.25
    assert metrics["median_certified_radius"] == pytest.approx(1 / math.sqrt(2))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_not_finite_certify_nothing(value):
    task = CertifiedClassification(0.0, loss=np.mean, reduction=np.mean)
    scores = np.array([[3.0, 1.0], [value, 1.0], [value, -np.inf]], np.float32)
    metrics = task.metrics(*[evaluation({"scores": scores, "losses": np.zeros(3)}, labels=[0, 0, 0])] * 2)
    assert metrics["certified_accuracy"] == pytest.approx(1 / 3)
    assert metrics["median_certified_radius"] == 0


def test_metrics_of_regression_by_hand():
    task = Regression(loss=SquaredError(), reduction=np.mean)
    targets = np.array([0.0, 10.0, -1.0], np.float32)
    predictions = {"outputs": np.zeros((3, 1), np.float32), "losses": targets**2}
    validation = evaluation({"outputs": np.zeros((2, 1))}, targets=[1.0, -1.0])
    metrics = task.metrics(evaluation(predictions, targets=targets), validation)
    # Residuals of ±1 elsewhere: a standard normal, whose quantiles of 5% and 95% are ∓1.645.
    assert metrics["coverage"] == pytest.approx(2 / 3)
    assert metrics["width"] == pytest.approx(2 * 1.6448536)
    assert metrics["rmse"] == pytest.approx(math.sqrt(101 / 3))
    assert metrics["loss"] == pytest.approx(101 / 3)


def test_an_evaluation_in_brief_is_the_first_example_of_each_class():
    labels = np.array([2, 0, 2, 1, 0], np.int32)
    examples = LabelledVectors(np.arange(5, dtype=np.float32)[:, None], labels)
    whole = Evaluation(7, {"scores": np.arange(10).reshape(5, 2)}, {"labels": labels}, examples)
    for brief in (whole.in_brief(), whole.in_brief().in_brief()):
        assert brief.given["labels"].tolist() == [0, 1, 2]
        assert brief.predictions["scores"].tolist() == [[2, 3], [6, 7], [0, 1]]
        assert brief.examples.take(brief.first_of_each_class()).features[:, 0].tolist() == [1, 3, 0]
    regression = Evaluation(7, {"losses": np.zeros(5)}, {"targets": np.zeros(5)}, examples)
    assert len(regression.in_brief().predictions["losses"]) == 0

"""The names of the package."""

import pytest

from diffsort import losses

NAMES = {
    "average_top_k",
    "crps_ensemble",
    "cvar",
    "energy_distance",
    "esrm_spectrum",
    "extremile_spectrum",
    "max_sliced_wasserstein",
    "quantile_loss",
    "random_projections",
    "ranked_range",
    "sliced_wasserstein",
    "spectral_risk",
    "superquantile_spectrum",
    "trimmed",
    "wasserstein_1d",
}


def test_the_public_names() -> None:
    assert set(losses.__all__) == NAMES
    assert list(losses.__all__) == sorted(losses.__all__)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_public_name_is_documented_with_an_example(name: str) -> None:
    documentation = getattr(losses, name).__doc__
    for part in ("Args:", "Returns:", "Raises:", ">>> "):
        assert part in documentation

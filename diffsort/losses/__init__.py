"""Losses that sort: reducers of per-example losses, and distances between samples."""

from diffsort.losses.energy import crps_ensemble, energy_distance
from diffsort.losses.pinball import quantile_loss
from diffsort.losses.ranges import average_top_k, ranked_range, trimmed
from diffsort.losses.slices import max_sliced_wasserstein, random_projections, sliced_wasserstein
from diffsort.losses.spectra import esrm_spectrum, extremile_spectrum, superquantile_spectrum
from diffsort.losses.spectral import spectral_risk
from diffsort.losses.superquantiles import cvar
from diffsort.losses.transport import wasserstein_1d

__all__ = [
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
]

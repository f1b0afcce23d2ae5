"""Losses that sort: reducers of per-example losses."""

from diffsort.losses.ranges import average_top_k, ranked_range, trimmed
from diffsort.losses.spectra import esrm_spectrum, extremile_spectrum, superquantile_spectrum
from diffsort.losses.spectral import spectral_risk
from diffsort.losses.superquantiles import cvar

__all__ = [
    "average_top_k",
    "cvar",
    "esrm_spectrum",
    "extremile_spectrum",
    "ranked_range",
    "spectral_risk",
    "superquantile_spectrum",
    "trimmed",
]

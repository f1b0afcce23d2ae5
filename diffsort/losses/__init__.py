"""Losses that sort: reducers of per-example losses, and distances between samples."""

from diffsort.losses import energy, pinball, reducers, slices, spectral, transport
from diffsort.losses.energy import *
from diffsort.losses.pinball import *
from diffsort.losses.reducers import *
from diffsort.losses.slices import *
from diffsort.losses.spectral import *
from diffsort.losses.transport import *

__all__: list[str] = []
__all__ += energy.__all__
__all__ += pinball.__all__
__all__ += reducers.__all__
__all__ += slices.__all__
__all__ += spectral.__all__
__all__ += transport.__all__

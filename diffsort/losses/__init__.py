"""Losses that sort: reducers of per-example losses, distances between samples, and losses of ranks.

All of them raise a TypeError where an array is not floating (losses to be reduced: not real) or a mask is not
boolean, and a ValueError where `axis` is out of range, the arrays differ in shape where they must agree, a
mask or weights do not broadcast, or no implementation has that name. What one of them raises besides is in
its docstring.
"""

from diffsort.losses import classification, energy, pinball, ranking, reducers, slices, spectral, transport
from diffsort.losses.classification import *
from diffsort.losses.energy import *
from diffsort.losses.pinball import *
from diffsort.losses.ranking import *
from diffsort.losses.reducers import *
from diffsort.losses.slices import *
from diffsort.losses.spectral import *
from diffsort.losses.transport import *

__all__: list[str] = []
__all__ += classification.__all__
__all__ += energy.__all__
__all__ += pinball.__all__
__all__ += ranking.__all__
__all__ += reducers.__all__
__all__ += slices.__all__
__all__ += spectral.__all__
__all__ += transport.__all__

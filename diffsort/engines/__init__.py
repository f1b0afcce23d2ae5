"""How the sorting permutation is found. Engines never touch differentiation."""

from diffsort.engines import gathering, keys, library, xla
from diffsort.engines.engine import Engine, narrow_dtype

BEST = Engine("best")
"""The engine of the implementation "manual", which is the kernel on CPUs and XLA elsewhere."""

ENGINES = {
    engine.name: engine
    for engine in (Engine("xla"), Engine("native", why_unavailable=library.why_unavailable))
}
"""The engines by name; that of the implementation "manual:xla" is "xla"."""

# At once: an executable that was compiled and stored elsewhere asks for the kernel, and not for diffsort.
library.why_unavailable()

__all__ = ["BEST", "ENGINES", "Engine", "gathering", "keys", "library", "narrow_dtype", "xla"]

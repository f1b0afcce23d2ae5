"""Says what to install where a layer is asked for and there is no Flax."""

from diffsort import _versions

try:
    import flax  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "flax":
        raise
    raise ImportError(_versions.MISSING["flax"]) from None

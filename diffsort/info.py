"""What diffsort finds here: versions, devices, engines, and optional parts.

python -m diffsort.info
"""

import platform
from collections.abc import Callable

import jax

import diffsort
from diffsort import _versions, engines
from diffsort.engines import library
from diffsort.soft import transport


def describe() -> str:
    """Returns a page about the versions, the devices, the engines and the optional parts.

    What fails is reported in its place, and the rest of the page is still there.
    """
    sections = {
        "Versions": [
            f"diffsort {diffsort.__version__}",
            *_try(_packages),
            f"python {platform.python_version()}, {platform.system()} {platform.machine()}",
        ],
        "Devices": _try(_devices),
        "Engines": [line for name in engines.ENGINES for line in _try(_engine, name)],
        "implementation='manual'": _try(_best),
        "implementation='ott'": _try(_transport),
    }
    return "\n\n".join("\n  ".join([title, *lines]) for title, lines in sections.items())


def main() -> None:
    """Prints the page."""
    print(describe())


def _packages() -> list[str]:
    return [_versions.describe(name) for name in _versions.PACKAGES]


def _devices() -> list[str]:
    return [f"{d.platform}:{d.id} ({d.device_kind})" for d in jax.devices()]


def _engine(name: str) -> list[str]:
    reason = engines.ENGINES[name].why_unavailable()
    if reason is not None:
        return [f"{name}: not available: {' '.join(reason.split())}"]
    if name != "native":
        return [f"{name}: available"]
    return [f"{name}: available ({library.instruction_set()}), {library.FOLDER / 'libdiffsort.so'}"]


def _best() -> list[str]:
    is_portable = library.why_unavailable() is not None
    return ["the engine 'xla' everywhere" if is_portable else "the engine 'native' on CPUs, 'xla' elsewhere"]


def _transport() -> list[str]:
    reason = transport.why_unavailable()
    return [f"available, {_versions.describe('ott-jax')}" if reason is None else f"not available: {reason}"]


def _try(tell: Callable[..., list[str]], *arguments: str) -> list[str]:
    """Returns what `tell` does; or, if it fails, a line that says how."""
    try:
        return tell(*arguments)
    except Exception as error:  # whatever it is, this page is where people look for it
        said = " ".join(str(error).split())
        return [": ".join([*arguments, f"unknown ({type(error).__name__}: {said})"])]


if __name__ == "__main__":
    main()

"""How much memory there is."""

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def memory_limit() -> int:
    """Returns how many bytes this process may use: all that there are, or the least of the limits on it."""
    own = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = (limit for limit in own if limit != resource.RLIM_INFINITY)
    return min([physical, *limits, *_cgroup_limits()])


def _cgroup_limits() -> Iterator[int]:
    """Yields the limits of the groups that the process is in, one in the other, where the system has any."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)  # none in version 2
            root, file = _CGROUPS, "memory.max"
            if controllers:
                root, file = _CGROUPS / "memory", "memory.limit_in_bytes"
            if controllers in ("", "memory"):
                group = Path(path.lstrip("/"))
                for folder in (group, *group.parents):
                    with suppress(OSError, ValueError):  # no such file, or "max"
                        yield int((root / folder / file).read_text())

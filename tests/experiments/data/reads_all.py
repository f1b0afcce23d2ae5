"""A process that reads all of a dataset with little memory to spare: `python -m ... DIRECTORY IN_MEMORY`."""

from __future__ import annotations

import re
import resource
import sys
import threading
from contextlib import closing
from pathlib import Path

from experiments.data import evaluation_batches, load_point_sets, stream, training_batches

SPARE = 48 * 2**20  # bytes
BATCH = 4
MAX_POINTS = 2**14  # all pixels of an image


def main(directory: str, in_memory: str) -> None:
    threading.stack_size(2**19)  # of the 8 MiB that a thread is given otherwise, all would count
    data = load_point_sets("large", directory, MAX_POINTS, in_memory=False, progress=False)
    batches = training_batches(data.train, BATCH, seed=0)
    epoch = len(data.train) // BATCH
    with closing(stream(batches)) as found:
        steps = zip(range(epoch), found, strict=False)
        for _ in range(10):
            next(steps)
        used = re.search(r"VmData:\s+(\d+) kB", Path("/proc/self/status").read_text())
        assert used is not None
        limit = int(used[1]) * 1024 + SPARE
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        if in_memory == "true":
            load_point_sets("large", directory, MAX_POINTS, in_memory=True, progress=False)
        for _ in steps:
            pass
    data = load_point_sets("large", directory, MAX_POINTS, progress=False)  # which sees the limit
    for split in (data.train, data.validation, data.test):
        examples = sum(batch["valid"].sum() for batch in stream(evaluation_batches(split, BATCH)))
        assert examples == len(split)
    print("read all", epoch)


if __name__ == "__main__":
    main(*sys.argv[1:])

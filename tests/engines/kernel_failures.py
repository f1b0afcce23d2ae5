"""Makes every allocation of the kernel fail in turn; each must end in right results or in a refusal.

    LD_PRELOAD=FAILING python tests/engines/kernel_failures.py LIBRARY FAILING [--threads T]

LIBRARY is as for kernel_fuzz.py, FAILING is compiled from failing_memory.cc. Every call is made in a process
of its own, by a kernel that was never called before.
"""

import argparse
import collections
import ctypes
import functools
import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.engines import network_fuzz, select_fuzz
from tests.engines.kernel_fuzz import Case, Kernel, bits

# One at least for each place that asks for memory.
SHAPES: list[tuple[tuple[int, ...], int, type]] = [
    ((3, 70, 40), 1, np.float32),  # columns
    ((70, 20), 1, np.int8),  # rows
    ((3, 3000), 1, np.float32),  # a row over all lanes
    ((200, 300), 1, np.float32),  # several threads
    ((40000,), 0, np.float32),  # a long row
    ((9000, 3), 0, np.uint16),  # long columns
    ((5, 9000), 1, np.int32),  # long rows, a thread for each
    ((70_000,), 0, np.float64),  # a long row of 64 bits, which threads split together
]
SELECTED: list[tuple[tuple[int, ...], int, int]] = [  # the shape, the axis, how many
    ((70, 20), 1, 3),  # sorted
    ((300, 400), 1, 5),  # rows
    ((3, 700, 20), 1, 5),  # columns
    ((150_000,), 0, 9),  # all threads together
]
MOVED = (20000, 3)  # columns that are moved as rows
SORTED, REFUSED, WRONG, UNREACHED = range(4)


class FailingKernel(Kernel):
    """A kernel whose allocation number `number`, or each from it on, fails.

    Attributes:
        number: from 1.
        is_for_good: fail those after it too.
        selections, networks: the same for selections, and for relaxed networks.
    """

    def __init__(self, path: str, threads: int, failing: str):
        super().__init__(path, threads)
        self.number, self.is_for_good = 1, False
        library = ctypes.CDLL(failing)
        self._seen = library.fail_no_more
        self._seen.restype = ctypes.c_int64
        self._sort = self._failing(library.failing_sort, self._sort)
        self._permute = self._failing(library.failing_permute, self._permute)
        self.selections = select_fuzz.Kernel(path, threads)
        self.selections.entry = self._failing(library.failing_select, self.selections.entry)
        self.networks = network_fuzz.Kernel(path, threads)
        self.networks.network = self._failing(library.failing_soft_network, self.networks.network)

    def was_reached(self) -> bool:
        """Whether the last call came to the allocation that was to fail."""
        return bool(self._seen() >= self.number)

    def _failing(self, through: Callable[..., int], call: Callable[..., int]) -> Callable[..., int]:
        through.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int, *call.argtypes]
        through.restype = call.restype
        address = ctypes.cast(call, ctypes.c_void_p)
        return lambda *arguments: through(address, self.number, self.is_for_good, *arguments)


def sorts(kernel: Kernel, case: Case, order: np.ndarray, *, values: bool, indices: bool) -> None:
    """Sorts, and compares what was asked for."""
    x = case.x
    found, places = np.empty_like(x), np.empty(x.shape, np.int32)
    kernel.sort(case, values=found if values else None, indices=places if indices else None)
    if values:
        assert np.array_equal(bits(found), bits(np.take_along_axis(x, order, case.axis))), f"values of {case}"
    if indices:
        assert np.array_equal(places, order), f"indices of {case}"


def selects(kernel: FailingKernel, given: select_fuzz.Selection) -> None:
    """Selects, and compares."""
    select_fuzz.check(kernel.selections, given)


def moves(kernel: Kernel, x: np.ndarray, order: np.ndarray, *, inverse: bool) -> None:
    """Applies a permutation along the first axis, or its inverse, and compares."""
    moved = np.take_along_axis(x, order, 0)
    given, expected = (moved, x) if inverse else (x, moved)
    out = np.empty_like(x)
    kernel.permute(given, order, 0, out, inverse=inverse, trusted=True)
    assert np.array_equal(out, expected), f"a permutation, inverse={inverse}"


def relaxes(kernel: FailingKernel, case: network_fuzz.Case, expected: np.ndarray) -> None:
    """Applies the transposed matrices of relaxed networks, and compares the first row."""
    found = kernel.networks.run(case, network_fuzz.TRANSPOSED)
    assert np.allclose(found[0], expected, atol=1e-10), f"a relaxed network, {case}"


def calls(kernel: FailingKernel) -> list[Callable[[], None]]:
    """Everything that is called with failures."""
    random = np.random.default_rng(0)
    found: list[Callable[[], None]] = []
    for shape, axis, dtype in SHAPES:
        case = Case((random.standard_normal(shape) * 50).astype(dtype), axis, None, False, False)
        for values, indices in ((True, True), (True, False), (False, True)):
            order = case.order()
            found.append(functools.partial(sorts, kernel, case, order, values=values, indices=indices))
    for shape, axis, count in SELECTED:
        case = Case(random.standard_normal(shape).astype(np.float32), axis, None, True, False)
        found.append(functools.partial(selects, kernel, select_fuzz.Selection(case, 0, count)))
    for shape in ((3, 300), (200, 64)):  # one thread, and several
        x, w, u = random.standard_normal((3, *shape))
        network = network_fuzz.Case("bitonic", "cauchy", x, np.full((shape[0], 1), 5.0), None, w, u)
        _, matrix = network_fuzz.network(x[0], network.kind, 5.0, network.sigmoid)
        found.append(functools.partial(relaxes, kernel, network, matrix.T @ w[0]))
    x, order = random.standard_normal(MOVED), np.argsort(random.random(MOVED), 0).astype(np.int32)
    return found + [functools.partial(moves, kernel, x, order, inverse=i) for i in (False, True)]


def outcome(kernel: FailingKernel, call: Callable[[], None]) -> int:
    """Calls in a process of its own; returns what came of it, negative for a process that a signal ended."""
    process = os.fork()
    if not process:
        status = WRONG
        try:
            call()
            status = SORTED if kernel.was_reached() else UNREACHED
        except MemoryError:
            status = REFUSED
        except AssertionError as error:
            print(f"wrong: {error}", flush=True)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def main() -> None:
    """Runs all calls with all failures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("library")
    parser.add_argument("failing")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    kernel = FailingKernel(arguments.library, arguments.threads, arguments.failing)
    outcomes: collections.Counter[int] = collections.Counter()
    for call, is_for_good in itertools.product(calls(kernel), (False, True)):
        kernel.is_for_good = is_for_good
        for number in itertools.count(1):
            kernel.number = number
            end = outcome(kernel, call)
            if end == UNREACHED:
                break
            if end not in (SORTED, REFUSED):
                how = "ended the process" if end < 0 else "gave wrong results"
                onwards = ", and all after it," if is_for_good else ""
                raise SystemExit(f"allocation {number}{onwards} {how} ({end}): {call.args[1]}")
            outcomes[end] += 1
    print(f"{kernel.target}: {outcomes[REFUSED]} refused, {outcomes[SORTED]} sorted all the same")


if __name__ == "__main__":
    main()

"""What a run survives, as docs/guides/reliability.md says: killed, told to end, damaged, without a disk.

Everything is drawn from a seed, and each test prints its figures. A run that was resumed has to be, bit for
bit, the one that was not interrupted: every row but for its times, the results, and the state at the end.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import jax
import numpy as np
import psutil
import pytest
from orbax.checkpoint import v1 as ocp

from experiments.run_directory import RunDirectory, runs_below
from experiments.training.checkpoints import restore
from experiments.training.setup import build_setup
from tests.experiments.conftest import CONFIGS

pytestmark = pytest.mark.slow

STEPS = 300
RUN = (
    "model=maxpool",
    "model.point_widths=[4]",
    "model.set_widths=[4]",
    f"trainer.steps={STEPS}",
    "trainer.batch_size=32",
    "trainer.evaluate_every=20",
    "trainer.checkpoint_every=7",
    "trainer.keep_checkpoints=3",
    "trainer.measure_sort=false",
)
SIGNALS = signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1


class Machine:
    """Starts programs in a folder, with what they have prepared and compiled once for all of them."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(CONFIGS.parent),
            "TFDS_DATA_DIR": str(data),
            "NPROC": "1",  # threads, as the jobs of hydra/launcher=parallel have: others round otherwise
            "PYTHONFAULTHANDLER": "1",  # what hangs says where, on SIGABRT
            "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }

    def start(self, *settings: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(CONFIGS.parent / "scripts" / "train.py"), *RUN, *settings],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def finish(self, *settings: str) -> Path:
        """Runs to the end; returns where."""
        process = self.start(*settings)
        timer = threading.Timer(120, process.send_signal, [signal.SIGABRT])
        timer.start()
        out, err = process.communicate()
        timer.cancel()
        assert process.returncode == 0, err
        return self.folder / out.rpartition(" ")[2].strip()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, data_directory: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("machine"), data_directory)
    # Tests that run in the background of a shell ignore interrupts, and what they start would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield machine
    signal.signal(signal.SIGINT, before)
    for process in machine.started:
        with process:
            process.kill()


@pytest.fixture(scope="module")
def whole(machine: Machine) -> Path:
    """A run that nothing has happened to."""
    return machine.finish("hydra.run.dir=whole")


def rows(run: Path) -> list[dict[str, float]]:
    return [
        {name: value for name, value in row.items() if name != "seconds"}
        for row in RunDirectory(run).metrics()
    ]


def assert_same(run: Path, whole: Path) -> None:
    """Nothing of a run differs from another but its times."""
    assert rows(run) == rows(whole)
    one, other = RunDirectory(run), RunDirectory(whole)
    results, expected = one.summary(), other.summary()
    assert results is not None
    assert expected is not None
    assert {k: v for k, v in results.items() if k.startswith(("test_", "best_"))} == {
        k: v for k, v in expected.items() if k.startswith(("test_", "best_"))
    }
    for folder in ("checkpoints", "best"):
        last, wanted = one.checkpoints(folder)[0], other.checkpoints(folder)[0]
        assert last.name == wanted.name
        assert bytes(ocp.load(last)["digests"]) == bytes(ocp.load(wanted)["digests"])


def lines(run: Path) -> int:
    """How many rows a run has written."""
    path = run / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def inode(run: Path) -> int:
    """Tells whether the rows of a run have been written anew."""
    path = run / "metrics.jsonl"
    return path.stat().st_ino if path.is_file() else 0


def wait_for(process: subprocess.Popen[str], condition: Callable[[], bool]) -> bool:
    """Waits until something holds, or a process has ended; returns whether it goes on."""
    while process.poll() is None and not condition():
        time.sleep(0.002)
    return process.poll() is None


def test_kill_9_at_random(machine: Machine, whole: Path) -> None:
    def chain(seed: int) -> list[str]:
        """Kills a run ten times, each time the same command goes on, and lets it end."""
        draw = np.random.default_rng(seed)
        run, moments = machine.folder / f"killed-{seed}", []
        while len(moments) < 10:
            process = machine.start(f"hydra.run.dir={run}")
            before, more = inode(run), draw.integers(30)
            if draw.random() < 0.2:
                time.sleep(draw.uniform(0.0, 3.0))
            else:  # it begins with those of the rows that it keeps
                wait_for(process, lambda before=before: inode(run) != before)
                more += lines(run)
                wait_for(process, lambda more=more: lines(run) > more)
                time.sleep(draw.uniform(0.0, 0.05))  # of which a save takes a good part
            process.kill()
            _, err = process.communicate()
            assert process.returncode == -signal.SIGKILL, err
            moments.append("in set-up" if "compiling … " not in err else "in training")
        machine.finish(f"hydra.run.dir={run}")
        assert_same(run, whole)
        return moments

    with ThreadPoolExecutor(2) as chains:
        moments = [moment for found in chains.map(chain, (0, 1)) for moment in found]
    print(f"\n20 kills ({dict(Counter(moments))}): 0 runs lost, 0 different")
    assert len(moments) == 20


def test_signals(machine: Machine, whole: Path) -> None:
    def chain(moment: str) -> int:
        """Has a run end on each signal, at the same moment, and lets it end."""
        draw = np.random.default_rng(len(moment))
        run, statuses = machine.folder / moment, []
        for number in SIGNALS:
            before = lines(run)
            process = machine.start(f"hydra.run.dir={run}")
            assert process.stderr is not None
            told = [process.stderr.readline()]
            while "compiling" not in told[-1] and "parameters; " not in told[-1]:
                told.append(process.stderr.readline())
            if moment == "training":
                more = draw.integers(1, 25)
                assert wait_for(process, lambda before=before, more=more: lines(run) > before + more)
            process.send_signal(number)
            err = "".join([*told, process.communicate(timeout=60)[1]])
            statuses.append(process.returncode)
            assert process.returncode == 128 + number, err
            assert "Traceback" not in err
            last = max((row["step"] for row in rows(run)), default=0)
            assert f"stopped by {number.name}" in err
            if moment == "training":
                assert f" at step {last}; to go on: python scripts/train.py trainer.resume={run} " in err
                assert RunDirectory(run).checkpoints()[0].name == str(last), "steps are lost"
            else:
                assert last == 0
        machine.finish(f"hydra.run.dir={run}")
        assert_same(run, whole)
        return len(statuses)

    with ThreadPoolExecutor(2) as chains:
        count = sum(chains.map(chain, ("setting-up", "training")))
    print(f"\n{count} signals: 0 steps lost, 0 runs different")
    assert count == 8


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def flip(path: Path, draw: np.random.Generator) -> None:
    content = np.fromfile(path, np.uint8)
    content[draw.integers(len(content))] ^= 1 << draw.integers(8)
    path.write_bytes(content.tobytes())


@pytest.mark.parametrize("what", ["40 damaged files", "60 flipped bits"])
def test_damage(whole: Path, tmp_path: Path, what: str) -> None:
    draw = np.random.default_rng(13)
    run = RunDirectory(shutil.copytree(whole, tmp_path / "run"))
    newest, before, _ = run.checkpoints()
    like = build_setup(run.config()).initial
    right = {path.name: restore([path], like) for path in run.checkpoints()}
    files = [path for path in newest.rglob("*") if path.is_file() and path.stat().st_size]
    damages = [truncate, zero, Path.unlink, lambda path: flip(path, draw)]
    if what == "40 damaged files":
        every = [(damage, path) for damage in damages for path in files]
        cases = [every[index] for index in draw.choice(len(every), 40, replace=False)]
    else:
        sizes = np.array([path.stat().st_size for path in files])
        cases = [(damages[-1], files[index]) for index in draw.choice(len(files), 60, p=sizes / sizes.sum())]
    used: Counter[str] = Counter()
    for damage, path in cases:
        content = path.read_bytes()
        damage(path)
        found = restore(run.checkpoints(), like)
        used[str(found.step)] += 1
        same = jax.tree.map(np.array_equal, found, right[str(found.step)])
        assert jax.tree.all(same), f"{path} is damaged, and not seen to be"
        path.write_bytes(content)
    print(f"\n{what}: {used[newest.name]} without effect, {used[before.name]} found, 0 silently wrong")
    assert used.total() == len(cases)
    assert used.keys() == {newest.name, before.name}


def test_going_on_from_damage(machine: Machine, whole: Path) -> None:
    run = machine.folder / "damaged"
    process = machine.start(f"hydra.run.dir={run}")
    wait_for(process, lambda: lines(run) > 60)
    process.kill()
    process.communicate()
    newest, before, _ = RunDirectory(run).checkpoints()
    for path in newest.rglob("*"):
        if path.is_file() and path.stat().st_size:
            truncate(path)
    process = machine.start(f"hydra.run.dir={run}")
    _, err = process.communicate()
    assert f"{newest}: cannot be used: it is damaged (" in err
    assert f"goes on from {run} at step {before.name}" in err
    assert newest.with_name(f"{newest.name}.damaged").is_dir()
    assert_same(run, whole)


@pytest.fixture
def mount() -> Iterator[Callable[..., None]]:
    """Mounts something for a test, which it skips where that is not allowed."""
    mounted: list[Path] = []

    def mount(where: Path, *arguments: str) -> None:
        if (
            shutil.which("mount") is None
            or subprocess.run(["mount", *arguments, where], check=False).returncode
        ):
            pytest.skip("file systems cannot be mounted here")
        mounted.append(where)

    yield mount
    for where in reversed(mounted):
        subprocess.run(["umount", "--lazy", where], check=False, capture_output=True)


@pytest.mark.parametrize("fault", ["disk full", "file too large", "read-only", "removed"])
def test_what_cannot_be_written(
    machine: Machine, whole: Path, tmp_path: Path, mount: Callable[..., None], fault: str
) -> None:
    disk, run = tmp_path / "disk", tmp_path / "disk" / "run"
    disk.mkdir()
    if fault == "disk full":
        mount(disk, "-t", "tmpfs", "-o", "size=4m", "tmpfs")
    process = machine.start(f"hydra.run.dir={run}")
    assert wait_for(process, lambda: lines(run) > 30)
    if fault == "disk full":
        with (disk / "filler").open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass
    elif fault == "file too large":
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, ((run / "metrics.jsonl").stat().st_size, most))
    elif fault == "read-only":
        mount(run, "--bind", str(run))
        mount(run, "-o", "remount,bind,ro", str(run))
    else:
        while run.exists():  # a save may be adding to it
            shutil.rmtree(run, ignore_errors=True)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert "results in" not in out
    assert "Traceback" not in err
    (line,) = [line for line in err.splitlines() if "cannot be written (" in line]
    print(f"\n{fault}: {line}")
    assert line.startswith(f"error: {run}")
    assert err.endswith(f"{line}\n"), "something comes after it"
    if fault == "removed":
        assert not (run / "summary.json").exists()
        return
    newest = RunDirectory(run).checkpoints()[0]
    assert f"; trainer.resume={newest} goes on from the last good checkpoint" in line
    if fault == "read-only":
        subprocess.run(["umount", "--lazy", run], check=True)
        subprocess.run(["umount", "--lazy", run], check=False, capture_output=True)
    (disk / "filler").unlink(missing_ok=True)
    machine.finish(f"hydra.run.dir={run}")
    assert_same(run, whole)


@pytest.mark.parametrize(
    ("launcher", "number"),
    [("basic", signal.SIGTERM), ("parallel", signal.SIGINT), ("process", signal.SIGKILL)],
)
def test_preempted_sweeps(machine: Machine, whole: Path, launcher: str, number: signal.Signals) -> None:
    sweep = machine.folder / f"sweep-{launcher}"
    typed = "-m", f"hydra/launcher={launcher}", "seed=0,1", f"hydra.sweep.dir={sweep}"

    def runs() -> list[Path]:
        return [run.path for run in runs_below(sweep)] if sweep.is_dir() else []

    process = machine.start(*typed)
    assert wait_for(process, lambda: sum(map(lines, runs())) > 50), process.communicate()[1]
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number), err
    assert "Traceback" not in err
    assert not psutil.wait_procs(children, timeout=10)[1], "a job is left"
    for run in runs():
        last = max((row["step"] for row in rows(run)), default=0)  # 0: it was setting up
        assert [path.name for path in RunDirectory(run).checkpoints()][:1] == [str(last)] * (last > 0), (
            "steps are lost"
        )
    machine.finish(*typed)
    assert len(runs()) == 2
    for run in runs():
        seed = RunDirectory(run).config().seed
        assert_same(run, whole if seed == 0 else machine.finish("seed=1", f"hydra.run.dir=whole-{launcher}"))
    print(f"\na sweep with hydra/launcher={launcher}: 0 jobs left, 0 steps lost, 0 runs different")

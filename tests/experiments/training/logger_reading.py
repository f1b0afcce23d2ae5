"""What a logger has written, read back: a curve, as (step, value) pairs, for every name."""

import importlib
import json
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

Curves = dict[str, list[tuple[int, float]]]


class Written(NamedTuple):
    """What a logger holds of the last run in a directory.

    Attributes:
        curves: of the rows.
        summary: what it has of the summary.
        settings: what it has of the config; None where it has no place for it.
        failed: whether the run is marked as failed; None where it has no place for that.
    """

    curves: Curves
    summary: Mapping[str, Any]
    settings: Mapping[str, Any] | None
    failed: bool | None


def read_tensorboard(directory: Path) -> Written:
    """Reads event files as TensorBoard does: the start of a run hides what was later before it."""
    events = importlib.import_module("tensorboardX.proto.event_pb2")
    curves: Curves = {}
    for path in sorted((directory / "tensorboard").iterdir(), key=lambda path: path.stat().st_mtime_ns):
        for data in _event_records(path.read_bytes()):
            event = events.Event.FromString(data)
            if event.session_log.status == events.SessionLog.START:
                for name, curve in curves.items():
                    curves[name] = [point for point in curve if point[0] < event.step]
            for value in event.summary.value:
                curves.setdefault(value.tag, []).append((event.step, value.simple_value))
    summary = {
        name.removeprefix("summary/"): curves.pop(name)[0][1] for name in sorted(curves) if "summary/" in name
    }
    return Written(curves, summary, None, None)


def read_wandb(directory: Path) -> Written:
    """Reads the records of an offline run; there is one in the directory."""
    (path,) = (directory / "wandb").glob("offline-run-*/run-*.wandb")
    for _ in range(200):  # a process of its own writes them, and ends a little later than the run
        written = _wandb_run(path)
        if written.failed is not None:
            return written
        time.sleep(0.05)
    raise TimeoutError(f"{path} has no end.")


def read_mlflow(directory: Path) -> Written:
    """Reads the latest run from the database."""
    client = importlib.import_module("mlflow").MlflowClient(f"sqlite:///{directory / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("diffsort").experiment_id
    run = client.search_runs([experiment], order_by=["attributes.start_time DESC"])[0]
    curves = {
        name: [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, name)]
        for name in run.data.metrics
    }
    failed = {"FINISHED": False, "FAILED": True}[run.info.status]
    return Written(curves, run.data.metrics, run.data.params, failed)


READERS: dict[str, Callable[[Path], Written]] = {
    "tensorboard": read_tensorboard,
    "wandb": read_wandb,
    "mlflow": read_mlflow,
}


def _wandb_run(path: Path) -> Written:
    records = importlib.import_module("wandb.proto.wandb_internal_pb2")
    curves: Curves = {}
    summary: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    failed = None
    for data in _log_records(path.read_bytes()):
        record = records.Record.FromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "history":
            for name, value in _items(record.history.item).items():
                if not name.startswith("_"):
                    curves.setdefault(name, []).append((record.history.step.num, value))
        elif kind == "summary":
            summary |= _items(record.summary.update)
        elif kind == "run":
            settings |= _items(record.run.config.update)
        elif kind == "exit":
            failed = record.exit.exit_code != 0
    return Written(curves, summary, settings, failed)


def _items(items: Any) -> dict[str, Any]:
    return {item.key or item.nested_key[0]: json.loads(item.value_json) for item in items}


def _event_records(data: bytes) -> Iterator[bytes]:
    """TFRecord: length, its checksum, data, their checksum."""
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        yield data[at + 12 : at + 12 + length]
        at += length + 16


def _log_records(data: bytes) -> Iterator[bytes]:
    """LevelDB's log format behind a header of 7 bytes: records in parts, none across a block of 32 KiB."""
    header, block, at, record = 7, 2**15, 7, b""
    while at + header <= len(data):
        if block - at % block < header:
            at += block - at % block
            continue
        _, length, part = struct.unpack_from("<IHB", data, at)
        record += data[at + header : at + header + length]
        at += header + length
        if part in (1, 4):  # whole, or the last
            yield record
            record = b""

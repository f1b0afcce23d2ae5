import math
import struct

import numpy as np
import pytest

from experiments.run_directory import RunDirectory
from experiments.training.loggers import JsonlLogger


def test_floats_come_back_bit_for_bit(tmp_path):
    values = np.random.default_rng(0).integers(0, 2**31 - 2**24, 1000).astype(np.uint32).view(np.float32)
    with JsonlLogger(tmp_path) as logger:
        for step, value in enumerate(values):
            logger.log({"step": step, "loss": float(value)})
    back = [row["loss"] for row in RunDirectory(tmp_path).metrics()]
    assert [struct.pack("f", v) for v in back] == [struct.pack("f", v) for v in values]


def test_nan_survives(tmp_path):
    with JsonlLogger(tmp_path) as logger:
        logger.log({"step": 1, "loss": math.nan})
    assert math.isnan(RunDirectory(tmp_path).metrics()[0]["loss"])


def test_a_line_cut_short_is_left_out(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2, "lo')
    assert RunDirectory(tmp_path).metrics() == [{"step": 1}]


def test_no_file_has_no_rows(tmp_path):
    assert RunDirectory(tmp_path).metrics() == []


def test_logging_outside_the_context_is_a_bug(tmp_path):
    with pytest.raises(RuntimeError, match="with block"):
        JsonlLogger(tmp_path).log({"step": 1})

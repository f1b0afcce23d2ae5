import jax

from experiments.benchmarks import machine
from experiments.benchmarks.machine import describe_machine, machine_line


def test_names_processor_cores_instruction_set_and_versions():
    found = describe_machine()
    line = machine_line(found)
    assert found["cores"] >= 1
    assert found["device"].removeprefix("cpu: ") in line
    assert f"jax {jax.__version__}, jaxlib " in line
    assert (found["instruction_set"] is not None) == (found["manual"] == "native")


def test_a_gpu_has_no_instruction_set(monkeypatch):
    monkeypatch.setattr(machine.jax, "default_backend", lambda: "gpu")
    assert describe_machine()["instruction_set"] is None
    content = {"device": "gpu: NVIDIA H100", "cores": 16, "instruction_set": None, "torch": "2.13.0+cu130"}
    versions = {"versions": {"jax": "0.12.0", "jaxlib": "0.12.0", "numpy": "2.5.5"}}
    assert machine_line(content | versions) == (
        "NVIDIA H100, jax 0.12.0, jaxlib 0.12.0, NumPy 2.5.5, PyTorch 2.13.0"
    )

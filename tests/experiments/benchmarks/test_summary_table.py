from experiments.benchmarks.summary_table import summary_table

MACHINE = {
    "device": "cpu: AMD EPYC",
    "cores": 1,
    "instruction_set": "avx2",
    "torch": None,
    "versions": {"jax": "0.12.0", "jaxlib": "0.12.0", "numpy": "2.5.5"},
}


def test_a_row_a_suite_and_multiples_of_manual(make_result):
    results = [
        make_result("article", **{"manual": 2.0, "manual:xla": 8.0, "numpy_packed": 1.0}),
        make_result("rows", **{"manual": 1.0, "manual:xla": 2.0, "numpy_packed": 1.0}),
        make_result("rows", **{"manual": 1.0, "manual:xla": 50.0, "numpy_packed": 1.0}),
        make_result("many", manual=1.0, builtin=2.0),
        make_result("memory", 64, "temporaries", "× the input", manual=0.0),
        make_result("step", **{"manual": 3.0, "manual:xla": 6.0, "maxpool": 2.0}),
    ]
    assert summary_table(MACHINE, results).splitlines() == [
        "AMD EPYC (1 core, AVX2), jax 0.12.0, jaxlib 0.12.0, NumPy 2.5.5:",
        "",
        "| | `manual:xla` | NumPy, packed |",
        "|---|---|---|",
        "| one million elements, the article's case | 4.0× | 0.5× |",
        "| rows: 2 shapes, 32 to 4096 long | 10× (2.0 – 50) | 1.0× (1.0 – 1.0) |",
        "| a whole training step of `model=sortpool` | 2.0× | – |",
        "",
        "A training step of `model=sortpool` takes 1.50 times as long as one of `model=maxpool`.",
    ]

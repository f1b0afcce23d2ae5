from experiments.benchmarks.measurements import Result
from experiments.benchmarks.summaries import benchmark_table, summary_line, summary_table, together_line
from experiments.benchmarks.timing import Measurement, summarised

MACHINE = {
    "device": "cpu: AMD EPYC",
    "cores": 1,
    "instruction_set": "avx2",
    "torch": None,
    "versions": {"jax": "0.12.0", "jaxlib": "0.12.0", "numpy": "2.5.5"},
}


def test_table_is_relative_to_manual():
    times = {"manual": Measurement(2.0, 1.5, 2.5, 9), "builtin": Measurement(8.0, 7.0, 9.0, 9)}
    lines = benchmark_table(Result("rows", "8×8, axis 1", 64, "run time", "ms", times), "xla").splitlines()
    assert lines[0] == "8×8, axis 1"
    assert lines[1].split() == ["manual", "(xla)", "2", "ms", "(1.5", "–", "2.5)", "1.00×"]
    assert lines[2].split() == ["builtin", "8", "ms", "(7", "–", "9)", "4.00×"]


def test_table_of_sizes_names_them_and_has_no_spread(make_result):
    result = make_result("memory", 64, "temporaries", "× the input", manual=0.0, builtin=3.0)
    assert [line.split() for line in benchmark_table(result).splitlines()] == [
        ["64:", "temporaries"],
        ["manual", "0", "×", "the", "input"],
        ["builtin", "3", "×", "the", "input"],
    ]


def test_table_tells_who_could_not_take_part_and_why():
    times = {"builtin": summarised([2.0])}
    result = Result("long", "8", 8, "run time", "ms", times, {"manual": "out of memory"})
    lines = benchmark_table(result).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["builtin", "2", "ms"],
        ["manual", "failed:", "out", "of", "memory"],
    ]
    assert summary_line([result]) is None


def test_summary_is_a_geometric_mean_and_the_worst_case(make_result):
    results = [
        make_result("rows", manual=1.0, builtin=2.0, torch=1.0, numpy_packed=0.5),
        make_result("rows", manual=1.0, builtin=8.0, torch=0.25, numpy_packed=0.5),
    ]
    assert summary_line(results) == (
        "manual: 4.00× as fast as builtin (at least 2.00×), 0.50× as fast as PyTorch (at least 0.25×), "
        "2.00× the time of NumPy, packed (at most 2.00×)"
    )


def test_summary_leaves_out_who_did_not_compete(make_result):
    step = make_result("step", manual=4.0, builtin=8.0, maxpool=2.0)
    line = summary_line([step])
    assert "builtin (at least 2.00×)" in line
    assert "2.00× the time of a step of model=maxpool" in line
    assert "PyTorch" not in line
    assert "NumPy" not in line


def test_only_run_times_are_summarised(make_result):
    assert summary_line([make_result("memory", 64, "temporaries", "× the input", manual=0.0)]) is None


def test_the_three_suites_are_summarised_together_once_all_were_run(make_result):
    results = [make_result(s, manual=1.0, builtin=4.0) for s in ("tiny", "article", "pooling")]
    assert together_line(results) is None
    line = together_line([*results, make_result("rows", manual=1.0, builtin=4.0)])
    assert "3 cases" in line
    assert "4.00× as fast as builtin" in line


def test_a_row_a_suite_and_multiples_of_manual(make_result):
    results = [
        make_result("article", **{"manual": 2.0, "manual:xla": 8.0, "numpy_packed": 1.0}),
        make_result("rows", **{"manual": 1.0, "manual:xla": 2.0, "numpy_packed": 1.0}),
        make_result("rows", **{"manual": 1.0, "manual:xla": 50.0, "numpy_packed": 1.0}),
        make_result("many", manual=1.0, builtin=2.0),
        make_result("memory", 64, "temporaries", "× the input", manual=0.0),
        make_result("step", **{"manual": 3.0, "manual:xla": 6.0, "maxpool": 2.0}),
        make_result("loop", 0, "time of a run", "× its steps'", **{"steps_per_call=10": 0.9}),
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
        "",
        "A run's steps take, as multiples of the compiled step's own time: 0.90 (steps_per_call=10).",
    ]


def test_relaxed_sorts_have_a_table_of_their_own(make_result):
    results = [
        make_result("soft", 64, **{"manual": 0.5, "bitonic": 2.0, "softjax:bitonic": 20.0, "ott": 300.0}),
        make_result("soft", 10**6, manual=10.0, softsort=125.0),
    ]
    table = summary_table({**MACHINE, "softjax": "0.1.1"}, results).splitlines()
    assert table[2] == (
        "Milliseconds, forward and backward, of rows × elements; in brackets, how many times as long "
        "softjax 0.1.1's same method takes:"
    )
    assert table[4:] == [
        "| | 64 | 1000000 |",
        "|---|---|---|",
        "| `manual` | 0.5 | 10 |",
        "| `bitonic` | 2 (10×) | – |",
        "| `ott` | 300 | – |",
        "| `softsort` | – | 125 |",
    ]
    (without,) = (line for line in summary_table(MACHINE, results).splitlines() if "Milli" in line)
    assert without == "Milliseconds, forward and backward, of rows × elements:"


def test_what_is_no_sort_has_a_row_for_each_case(make_result):
    results = [
        make_result("top_k", 64, **{"manual": 0.5, "jax.lax.top_k": 1.0, "torch": 10.0}),
        make_result("top_k", 10**6, **{"manual": 2.0, "jax.lax.top_k": 5.0}),
    ]
    assert summary_table(MACHINE, results).splitlines()[2:] == [
        "| `top_k` | `manual` | jax.lax.top_k | PyTorch |",
        "|---|---|---|---|",
        "| 64 | 0.5 ms | 2.0× | 20× |",
        "| 1000000 | 2 ms | 2.5× | – |",
    ]

"""Settings for all tests: the library under strict promotion, hypothesis without chance."""

import gc
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import jax
import pytest

from diffsort import implementations

# Away from a checkout no more is tested than the library, with the tests of the source distribution.
ROOT = Path(__file__).parents[1]
if not (ROOT / "experiments").is_dir():
    _hatch = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]
    collect_ignore = [path.removeprefix("tests/") for path in _hatch["build"]["targets"]["sdist"]["exclude"]]

# The same examples every time, and no deadline: the first example of a test is the one that compiles.
hypothesis.settings.register_profile(
    "diffsort",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("diffsort")


# Of tests over all members, those that take longest and differ from the rest in their data alone: `-m slow`
# runs them too. With them the others would take more than twelve minutes on two cores.
LEFT_TO_CI = re.compile(
    r"""
    test_losses_are_bitwise_equal\w*\[(dgcnn|model\.activation=.*|loss=pairwise|reduction=(extremile|trimmed))\]
    | test_a_run_learns\w*\[(generation|certified)\]
    | test_every_cell_of_an_experiment\w*\[speed\]
    | test_where_a_file_is_damaged\w*\[(zeroed|deleted)\]
    | test_predictions_are_written\w*\[regression\]
    | test_a_suite_measures\w*\[dtypes\]
    | test_a_step_is_timed
    | test_(configurations|second_order|export)\.py.*\[.*(sliced_wasserstein\ 1\.5|\ of\ (weights|sizes))
    | test_every_implementation_gives_the_same\[(max_sliced.*|.*of\ (weights|sizes))\]
    | test_every_(loss|statistic)\.py::(?!.*values.*(weibull|ensemble)).*
      \[.*(cvar|ensemble|_loss|quantile|median|_mean)\b.*\ of\ weights
    | test_masses\.py::test_what_has\w*\[(quantile\ (?!weibull|inverted)|superquantile|trimmed|cvar\ )
    | test_masses\.py::test_derivatives\w*\[(.*inverted_cdf|median|trimmed|cvar\])
    | test_masses\.py::test_an_element\w*\[quantile\ (?!weibull|inverted|linear)
    | test_masses\.py::test_equal\w*\[.*(49|60)
    | test_edges\.py.*(cvar|ensemble|_loss|quantile|median|_mean)\b.*\ of\ weights
    | test_transport\.py.*\[(float16|bfloat16|(True|False)-(True|False)-0)\]
    | test_statistics_take_it\[(quantile|order_statistic|superquantile)\]
    | test_layers\.py.*\[\w+-500\]
    | test_second_order_inside_control_flow\[builtin
    | test_(configurations|second_order|export|edges)\.py.*\[.*spearman_loss
    | test_every_implementation_gives_the_same\[spearman_loss
    | test_a_reduction_over\w*\[(spearman|top_k_cross|.*\ of\ weights)
    | test_it_is_the_definition_of_the_paper\[False
    | test_relaxed_a_mask_is_a_slice\w*\[(ndcg|top_k)
    | test_(export|configurations)\.py.*\[.*(sliced_wasserstein|cvar\ smoothed)\]
    | test_masked_elements_leave_no_trace\[(bfloat16|float64)
    | test_indices_that_are_no_permutation\w*\[best
    | test_indices_that_are_no_permutation\w*\[xla-0-repeated
    | test_memory_failures\.py::test_in_xla
    | test_transport\.py::test_(it_is_the_soft_sort_of_ott|transformations_commute|dtypes)
    | test_transport\.py::test_(it_is_near_the_hard_sort|derivatives_are_those|it_sorts_every_slice)
    | test_transformation\[.*-(manual:native|builtin|double_argsort)\]
    | test_(integers_have_float0_tangents|keys_or_values_may_go_unbatched)\[.*(manual:native|double_argsort)
    | test_every_statistic\.py::test_every_implementation_gives_the_same\[(manual:native|double_argsort)
    | test_an_axis_of_no_elements\[.*-(manual:native|double_argsort)
    | test_lipschitz\.py.*a\ network | test_a_network_still_is
    | soft/test_transport\.py::test_(?!bad|without|small|no_scale)
    | test_orthonormal_to_rounding\[0\.0-shape[2345]\]
    | test_no_kernel_is_too_large\[shape6-\w+-bfloat16
    | test_indices_that_are_no_permutation\w*\[xla-0
    | test_every_cell_of_an_experiment\w*\[(?!smoke|label_noise|sort_digits\])
    | test_a_trace_names_the_sort\w*\[(manual:xla|builtin)
    | test_masked_elements_leave_no_trace\[float32-descending
    | test_(gradients_are_finite_differences|implementations_agree_bit_for_bit)\[pswe
    | test_dtypes_behave_as_in_flax\w*\[.*pswe
    | test_the_persistent_cache_serves_a_second_process\[8
    | test_many_cells_are_small_multiples
    | test_half_precision_is_for_the_model_alone
    | test_its_gradient_is_that_of_its_comparators | test_jax_computes_what_the_kernel_does
    | test_the_kernel_finds_what_plain_jax_finds
    | (test_neuralsort|test_permutahedron)\.py::test_derivatives_are_finite_differences
    | test_its_derivative_is_that_of_the_dense_form\[0\.05
    | test_a_run_learns_and_writes_what_the_task_promises\[(autoencoding|regression)\]
    | test_losses_are_bitwise_equal_whatever_the_sort\[loss=crps
    | soft/test_every_method\.py::test_(derivatives|vmap)
    | soft/test_every_method\.py::
      (?!test_(annealing|a_schedule|bad_settings|exact|a_mask|what_needs)).*\[(?!.*softsort-sort\])
    | test_a_preparation_that_is_killed
    | test_every_op_gets_a_figure
    | test_a_failed_job_leaves_the_others_running\[submitit_local\]
    | test_masked_points_reach_no_output\w*\[(attention|dgcnn|pswe)
    | test_the_command_line_comes_before_the_config\[(seed=4\ hydra|\+\+seed)
    | test_a_run_is_the_same_with_a_profile
    | test_(configurations|second_order|export|edges)\.py.*\[.*(segment_[tql]|two\ keys)
    | test_statistics_are_those_of_each_segment\[True
    | test_it_is_the_masked_pooling_of_padded_sets\[.*-True
    | test_patience_stops_early_and_can_be_resumed
    | test_(configurations|second_order|export|edges)\.py.*\[(\S+-)?
      (winsor|average_top_k|trimmed|exponential|extremile|gini|order_statistic|quantile\ 0\.37\ n|superq)
    | test_places_are_those_of_float64\[(1001|65537)
    | test_(layers|layer_checkpoints)\.py::test_(?!both_apis|gradients).*\[mixture_of_experts
    | models/test_models\.py.*\[(mixture_of_experts|meanpool|sumpool)
    | test_every_statistic\.py.*\[(\S+\ )?quantile\ 0\.37\ (lower|higher|midpoint|nearest|hazen|closest)
    | test_selected_or_sorted\w*\[(quantile\ |order_statistic\ |ranked_range|superquantile|trimmed\]|cvar)
    | test_a_selection_is_a_part_of_the_sort\[(?!.*native.*-float(32|64)|.*xla.*-float32)
    """,
    re.VERBOSE,
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves the longest to CI, and begins with the longest of the rest, for which nothing then waits."""
    for item in items:
        if LEFT_TO_CI.search(item.nodeid):
            item.add_marker("slow")
    items.sort(key=lambda item: "test_on_eight_devices" not in item.name)


@pytest.fixture(autouse=True, scope="session")
def _compile_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compiling is what most of the time goes into, and many tests make the same programs.

    A directory for each process: JAX does not write these files atomically.
    """
    jax.config.update("jax_compilation_cache_dir", str(tmp_path_factory.mktemp("compiled")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture(autouse=True, scope="module")
def _forget_programs() -> Iterator[None]:
    """A compiled program takes several mappings of memory, of which Linux grants a process 65,530 in all."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > 20_000:
        jax.clear_caches()
        gc.collect()


@pytest.fixture(autouse=True, scope="module")
def _strict_promotion(request: pytest.FixtureRequest) -> Iterator[None]:
    """No implicit dtype or rank promotion, so that no caller can be bitten by ours.

    The experiments call libraries which promote freely.
    """
    if "experiments" in request.path.parts:
        yield
        return
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


@pytest.fixture(autouse=True)
def _registered_for_a_test_alone() -> None:
    """Each test begins with what comes with diffsort, whatever others or examples have registered."""
    registered = implementations._IMPLEMENTATIONS
    for name in registered.keys() - implementations._BUILT_IN:
        del registered[name]

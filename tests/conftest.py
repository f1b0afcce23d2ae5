"""Settings for all tests: the library under strict promotion, hypothesis without chance."""

from collections.abc import Iterator

import hypothesis
import jax
import pytest

# The same examples every time, and no deadline: the first example of a test is the one that compiles.
hypothesis.settings.register_profile(
    "diffsort",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("diffsort")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with the longest test, so that no process waits for it in the end."""
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
def _strict_promotion(request: pytest.FixtureRequest) -> Iterator[None]:
    """No implicit dtype or rank promotion, so that no caller can be bitten by ours.

    The experiments call libraries which promote freely.
    """
    if "experiments" in request.path.parts:
        yield
        return
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield

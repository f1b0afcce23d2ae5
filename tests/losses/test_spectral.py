"""Spectra: that they are weights, and exact ones."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsort import _ranked, losses
from diffsort.losses import spectral

SPECTRA = {
    "the mean": losses.superquantile_spectrum(0.0),
    "superquantile": losses.superquantile_spectrum(0.75),
    "extremile 1": losses.extremile_spectrum(1),
    "extremile": losses.extremile_spectrum(2.5),
    "steep extremile": losses.extremile_spectrum(200.0),
    "flat exponential": losses.esrm_spectrum(1e-9),
    "exponential": losses.esrm_spectrum(3.0),
    "steep exponential": losses.esrm_spectrum(1000.0),
    "a function": lambda u: u**3,
}


def weights(spectrum: spectral.Spectrum, n: int) -> np.ndarray:
    """In order: the gradient of sorted losses."""
    return np.asarray(jax.grad(losses.spectral_risk)(jnp.arange(n, dtype=jnp.float32), spectrum))


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_the_weights_sum_to_one_and_do_not_decrease(name: str, n: int) -> None:
    w = weights(SPECTRA[name], n)
    assert w.sum() == pytest.approx(1, rel=1e-5)
    assert w.min() >= 0
    assert np.diff(w).min(initial=0) >= -1e-6 * w.max()


@pytest.mark.parametrize("name", [name for name, spectrum in SPECTRA.items() if hasattr(spectrum, "weights")])
def test_the_weights_are_differences_of_the_spectrum_without_cancellation(name: str) -> None:
    """In float32 the differences themselves would be wrong by 1% for so many losses."""
    n, spectrum = 100_000, SPECTRA[name]
    with jax.enable_x64(True):
        expected = np.diff(np.asarray(spectrum(jnp.linspace(0, 1, n + 1, dtype=jnp.float64))))
        at_once = np.asarray(spectrum.weights(jnp.arange(n, dtype=jnp.float64), jnp.float64(n)))
    np.testing.assert_allclose(at_once, expected, rtol=1e-6, atol=1e-15)
    np.testing.assert_allclose(weights(spectrum, n), expected, rtol=3e-4, atol=1e-12)


def test_weights_by_hand() -> None:
    for spectrum, expected in (
        (losses.superquantile_spectrum(0.5), [0, 0, 1 / 2, 1 / 2]),
        (losses.superquantile_spectrum(0.4), [0, 1 / 6, 5 / 12, 5 / 12]),
        (losses.extremile_spectrum(2), [1 / 16, 3 / 16, 5 / 16, 7 / 16]),
        (losses.esrm_spectrum(4 * np.log(2)), [1 / 15, 2 / 15, 4 / 15, 8 / 15]),
        (lambda u: u * u, [1 / 16, 3 / 16, 5 / 16, 7 / 16]),
    ):
        np.testing.assert_allclose(weights(spectrum, 4), expected, rtol=2e-6, atol=1e-9)


def test_a_spectrum_of_ones_own_under_a_mask() -> None:
    """It is not asked for what lies outside [0, 1], where this one is NaN."""
    x = np.random.default_rng(0).standard_normal(9).astype(np.float32)
    where = np.arange(9) % 3 != 1

    def spectrum(u: jax.Array) -> jax.Array:
        return 1 - jnp.sqrt(1 - u)

    masked, gradient = jax.value_and_grad(losses.spectral_risk)(x, spectrum, where=where)
    np.testing.assert_allclose(masked, losses.spectral_risk(x[where], spectrum), rtol=1e-6)
    assert np.isfinite(gradient).all()
    assert not np.asarray(gradient)[~where].any()


@pytest.mark.parametrize("level", [0.0, 0.35, 0.9])
def test_the_superquantile_spectrum_gives_the_cvar(level: float) -> None:
    x = np.random.default_rng(0).standard_normal((5, 13)).astype(np.float32)
    risk = losses.spectral_risk(x, losses.superquantile_spectrum(level))
    np.testing.assert_array_equal(risk, losses.cvar(x, level))


def test_equal_spectra_are_compiled_once() -> None:
    x = np.ones(3, np.float32)
    losses.spectral_risk(x, losses.esrm_spectrum(1.25))
    compiled = _ranked._compute._cache_size()
    losses.spectral_risk(x, losses.esrm_spectrum(1.25))
    assert _ranked._compute._cache_size() == compiled
    losses.spectral_risk(x, losses.esrm_spectrum(1.5))
    assert _ranked._compute._cache_size() == compiled + 1


def test_a_spectrum_may_have_parameters_that_are_learned() -> None:
    x = jnp.array([1.0, 5.0])

    def risk(exponent: jax.Array) -> jax.Array:
        return losses.spectral_risk(x, lambda u: u**exponent)

    value, slope = jax.value_and_grad(risk)(jnp.float32(2.0))
    assert value == 4  # 1/4 and 3/4
    np.testing.assert_allclose(slope, 4 * np.log(2) / 4, rtol=1e-6)  # of 5 − 4 / 2^r


@dataclasses.dataclass
class Mutable:
    """Equality without a hash."""

    def __call__(self, u: jax.Array) -> jax.Array:
        return u


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: 0.5, TypeError, "spectrum must be a function"),
        (Mutable, TypeError, "is not hashable.*frozen=True"),
        (lambda: lambda u: 2 * u, ValueError, "from 0 to 2, not from 0 to 1.*not their density"),
        (lambda: lambda u: 1 - u, ValueError, "from 1 to 0"),
        (lambda: losses.superquantile_spectrum(1), ValueError, r"level=1.0 is not in \[0, 1\)"),
        (lambda: losses.extremile_spectrum(0.5), ValueError, r"r=0.5 is not in \[1, inf\)"),
        (lambda: losses.esrm_spectrum(0), ValueError, "rho=0.0 is not in"),
        (lambda: losses.esrm_spectrum("a"), ValueError, "a"),
    ],
)
def test_mistakes(make: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        losses.spectral_risk(jnp.ones(3), make())

"""The names of the package."""

import pytest

from diffsort import losses


@pytest.mark.parametrize("name", losses.__all__)
def test_every_public_name_is_documented_with_an_example(name: str) -> None:
    documentation = getattr(losses, name).__doc__
    for part in ("Args:", "Returns:", ">>> "):
        assert part in documentation

"""For all tests and doctests: nothing is written into the user's own cache, and nothing is read from it."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cache directory for the whole session, so that the embedded digits are prepared once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANSMITH_CACHE", str(tmp_path_factory.mktemp("cache")))
        if "GANSMITH_DATA" in os.environ:
            patch.delenv("GANSMITH_DATA")
        yield

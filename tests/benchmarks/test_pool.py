import math
from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.mark.smoke
def test_jobs_are_worked_off_and_none_begins_after_its_time(benchmark: Callable[[str], ModuleType]) -> None:
    finished = benchmark("pool").finished
    found = dict(finished(math.sqrt, [1.0, 4.0, 9.0], workers=2))
    assert found == {1.0: 1.0, 4.0: 2.0, 9.0: 3.0}
    assert list(finished(math.sqrt, [1.0], workers=1, minutes=0)) == []

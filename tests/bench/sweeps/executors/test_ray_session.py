"""What a local Ray cannot carry is refused before it waits for ever."""

from __future__ import annotations

import pytest

from bench.errors import UserError
from bench.sweeps.executors.ray_session import check_room
from bench.sweeps.spec import Needs

GIB = 2**30


def test_a_trial_larger_than_the_machine_is_refused() -> None:
    there = {"CPU": 2.0, "memory": 4.0 * GIB, "GPU": 1.0}
    check_room([Needs(), Needs(gpus=0.5, memory=4 * GIB)], there)
    with pytest.raises(UserError, match=r"^resources.memory: a trial needs 6 GiB and Ray has 4 GiB"):
        check_room([Needs(), Needs(memory=6 * GIB)], there)
    with pytest.raises(UserError, match=r"^resources.gpus: a trial needs 1 and this machine has 0$"):
        check_room([Needs(gpus=1.0)], {"CPU": 2.0})

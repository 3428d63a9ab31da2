"""What a record says of a trial that Ray lost."""

from __future__ import annotations

from ray.exceptions import OutOfMemoryError, RayActorError

from graph_distillery.bench.sweeps.executors.ray_tune import _verdict


def test_a_loss_is_one_printable_line() -> None:
    coloured = RuntimeError("\x1b[36mray::TrialActor.train()\x1b[39m (pid=7)\n  boom\a")
    assert _verdict(coloured, False) == ("failed", "RuntimeError: ray::TrialActor.train() (pid=7) boom?", 1)
    assert _verdict(coloured, True)[0] == "timeout"
    assert _verdict(OutOfMemoryError("low"), False)[::2] == ("oom", 1)
    assert _verdict(RayActorError(error_msg="The actor died because its node has died."), False)[::2] == ("failed", 0)
    assert _verdict(RayActorError(error_msg="The worker died."), False)[::2] == ("failed", 1)

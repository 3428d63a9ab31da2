"""Ray's logger callback for TensorBoard."""

from __future__ import annotations

import itertools
import os
from typing import Any

from ray.tune.logger.tensorboardx import TBXLoggerCallback

#: Files open at once, each with a pipe: a wide cluster has more runs under way than a process may have files.
MOST_OPEN = 64


class TensorBoard(TBXLoggerCallback):
    """Keeps few files open; Ray's own opens a run's next one when there is more to write."""

    def __init__(self) -> None:
        super().__init__()
        writer, number = self._summary_writer_cls, itertools.count()

        def unlike_others(folder: str, flush_secs: int) -> Any:
            # A file that is named by the second alone would be written over by the run's next one. With the usual
            # queue of 10, a writer that died of a full disk would leave us waiting for room in it.
            suffix = f".{os.getpid()}.{next(number):06}"
            return writer(folder, flush_secs=flush_secs, filename_suffix=suffix, max_queue=10_000)

        self._summary_writer_cls = unlike_others

    def log_trial_start(self, trial: Any) -> None:
        if len(self._trial_writer) >= MOST_OPEN:
            oldest = next(iter(self._trial_writer))
            self._trial_writer.pop(oldest).close()
            self._trial_result.pop(oldest)
        super().log_trial_start(trial)

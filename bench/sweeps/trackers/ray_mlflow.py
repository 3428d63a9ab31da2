"""Ray's logger callback for MLflow."""

from __future__ import annotations

import time
from typing import Any

from mlflow.entities import Metric, Param
from ray.air._internal.mlflow import _MLflowLoggerUtil
from ray.air.integrations.mlflow import MLflowLoggerCallback


class MLflow(MLflowLoggerCallback):
    """Writes what belongs together in one request; Ray's own makes one for every number."""

    def __init__(self, uri: str, experiment: str) -> None:
        super().__init__(tracking_uri=uri, experiment_name=experiment)
        self.mlflow_util = _InBatches()


class _InBatches(_MLflowLoggerUtil):
    def log_params(self, params_to_log: dict[str, Any], run_id: str | None = None) -> None:
        assert run_id is not None
        params = [Param(name, str(value)) for name, value in params_to_log.items()]
        self._get_client().log_batch(run_id, params=params)

    def log_metrics(self, step: int, metrics_to_log: dict[str, Any], run_id: str | None = None) -> None:
        assert run_id is not None
        now = int(1000 * time.time())
        metrics = [Metric(name, value, now, step) for name, value in self._parse_dict(metrics_to_log).items()]
        self._get_client().log_batch(run_id, metrics=metrics)

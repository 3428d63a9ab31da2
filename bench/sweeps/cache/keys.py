"""What makes a teacher or an artefact, to the last bit: two jobs of one basis give the same tensors.

It holds more than the ids of a store, which are of one plan on pinned data: the code, the libraries and the machine,
too. Work of code that is not the suite's, a user's own model say, has none, since nobody tells when that changes.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from graph_distillery.bench.data import cache as datasets
from graph_distillery.bench.environment import cpu_name, package_version
from graph_distillery.bench.models.registry import MODELS
from graph_distillery.bench.models.zoo.families import is_code
from graph_distillery.bench.sweeps.jobs import Job
from graph_distillery.bench.training.artefacts import Artefact
from graph_distillery.bench.training.precomputed import settings_of
from graph_distillery.bench.training.problem import Identity, ProblemKey, observed_by, split_identity, whole_dataset
from graph_distillery.methods import METHODS
from graph_distillery.methods.artefacts import ARTEFACTS

#: Raised whenever a file of the cache holds something else than before.
FORMAT = 1
_OURS = "graph_distillery."
#: Code on which the numbers of a training hang; what plans, records and shows does not change them.
_CODE = ("methods", "bench/data", "bench/models", "bench/training", "bench/sweeps/worker.py")
_LIBRARIES = ("torch", "torch-geometric", "numpy", "scipy", "scikit-learn", "networkx", "optuna", "pydantic")
#: What tells the libraries by which instructions to compute.
_ARITHMETIC = (
    "ATEN_CPU_CAPABILITY", "CUBLAS_WORKSPACE_CONFIG", "MKL_CBWR", "MKL_DEBUG_CPU_TYPE", "MKL_ENABLE_INSTRUCTIONS",
    "NVIDIA_TF32_OVERRIDE", "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE",
)  # fmt: skip


class Bases:
    """The bases of a sweep's jobs. source: reads a teacher of the store, of which another is made anew."""

    def __init__(self, source: Callable[[str], Artefact]) -> None:
        self._source = source
        self._exact = lru_cache(maxsize=None)(lambda key: datasets.exact_sha256(whole_dataset(key)))
        self._identity = lru_cache(maxsize=None)(split_identity)

    def identity(self, job: Job) -> Identity:
        """Of the data behind a job of one seed."""
        return self._identity(job.problem, job.split_of(job.seeds[0]))

    def of(self, job: Job) -> dict[str, Any] | None:
        """What makes a job's teacher or artefact; None where there is no telling.

        Raises:
            UserError: the split cannot be made, or a teacher of the store cannot be read.
        """
        made = job.configuration
        models = [made.student] if made.student is not None else []
        known = METHODS.get(made.method).target.startswith(_OURS) or job.purpose == "artefact"
        known &= all(MODELS.get(name).target.startswith(_OURS) and not is_code(name) for name in models)
        known &= all(ARTEFACTS.get(name).target.startswith(_OURS) for own in job.artefacts.values() for name in own)
        if not known or (job.purpose == "teacher" and job.artefacts):
            return None
        own = self._of_artefact(job) if job.purpose == "artefact" else self._of_teacher(job)
        return {
            "format": FORMAT,
            "kind": job.purpose,
            **own,
            "data": {"name": job.problem.dataset, "exact_sha256": self._exact(_whole(job.problem))},
            "code": code_sha256(),
            "libraries": libraries(),
            "machine": machine(job.device),
        }

    def _of_teacher(self, job: Job) -> dict[str, Any]:
        made, identity = job.configuration, self.identity(job)
        return {
            "method": made.method,
            "variant": made.variant,
            "method_hyper": dict(made.method_hyper),
            "model": made.student,
            "model_hyper": dict(made.student_hyper),
            "setting": job.problem.setting,
            "split": job.problem.split,
            "split_sha256": identity.split_sha256,
            "split_seed": job.split_of(job.seeds[0]),
            "seeds": list(job.seeds),
            "task": identity.task,
            "metric": identity.metric,
            "made_of": [self._of_source(each) for ids in job.teachers.values() for each in ids],
        }

    def _of_source(self, teacher_id: str) -> dict[str, Any]:
        source = self._source(teacher_id)
        model, hyper = source.facts["model"], source.facts["hyperparameters"]
        return {"sha256": hashlib.sha256(source.tensors).hexdigest(), "model": model, "model_hyper": hyper}

    def _of_artefact(self, job: Job) -> dict[str, Any]:
        """Of its own settings alone, and of how the observed graph is cut: trials and most seeds share it."""
        ((seed, own),) = job.artefacts.items()
        (name,) = own
        return {
            "artefact": name,
            "version": ARTEFACTS.get(name).version,
            "settings": settings_of(name, job.configuration),
            "observed": observed_by(job.problem, seed),
        }


def _whole(key: ProblemKey) -> ProblemKey:
    """The dataset behind a problem, whatever its splits."""
    return ProblemKey(key.dataset, "", "transductive", key.data_dir)


@lru_cache(maxsize=1)
def code_sha256() -> str:
    """Of the suite's code that trains, as it is installed here."""
    from graph_distillery import methods  # a room, wherever it is installed

    digest, root = hashlib.sha256(), Path(methods.__file__).parent.parent
    for place in _CODE:
        whole = root / place
        for file in sorted(whole.rglob("*.py")) if whole.is_dir() else [whole]:
            digest.update(f"{file.relative_to(root).as_posix()} ".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def libraries() -> dict[str, str | None]:
    """Versions of what computes; of torch how it was built, too."""
    found = {name: package_version(name) for name in _LIBRARIES}
    built = hashlib.sha256(torch.__config__.show().encode()).hexdigest()[:16]
    return {**found, "python": platform.python_version(), "torch_built": built, "cuda": torch.version.cuda}


@lru_cache(maxsize=8)
def machine(device: str) -> dict[str, Any]:
    """What computes, and by which instructions. A worker trains on one thread."""
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    return {
        "os": sys.platform,
        "architecture": platform.machine(),
        "cpu": cpu_name(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "device": name,
        "threads": 1,
        "told": {name: os.environ[name] for name in _ARITHMETIC if name in os.environ},
    }

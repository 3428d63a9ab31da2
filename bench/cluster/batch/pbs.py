"""OpenPBS and PBS Professional: a job of N equal chunks with a Ray cluster in it, or an array of single-node jobs."""

from __future__ import annotations

import shlex

from graph_distillery.bench.cluster.batch import without_srun
from graph_distillery.bench.cluster.batch.script import Job, directives
from graph_distillery.bench.cluster.batch.settings import Pbs
from graph_distillery.bench.cluster.fields import megabytes, seconds
from graph_distillery.bench.cluster.files import Launch
from graph_distillery.bench.cluster.request import LaunchRequest

_MAIL = {"begin": "b", "end": "e", "fail": "a"}


def make(request: LaunchRequest, settings: Pbs) -> Launch:
    """The script for qsub."""
    job = Job(request, settings)
    name = f"{job.name}.pbs"
    system = without_srun.System(
        number="${PBS_JOBID%%[!0-9]*}",
        index="$PBS_ARRAY_INDEX",
        folder="${PBS_O_WORKDIR:-$PWD}",
        others=f"mapfile -t others < <(seq 1 {settings.nodes - 1}) # chunk 0 is this one",
        start='pbsdsh -n "$other" --',
        again=_again(name) if settings.mode != "array" else "",
    )
    text = directives("#PBS", _options(job, settings)) + "\n" + without_srun.body(job, settings, system)
    notes = () if settings.mode != "array" else ("a part that met its time limit goes on when submitted again",)
    return Launch({name: text}, [["qsub", name]], (*job.stores_note(), *notes))


def _again(file: str) -> str:
    return f"""\
# The time was up: a job of the same script resumes.
if [ "$late" = 1 ] && [ "$code" != 0 ]; then
  qsub {shlex.quote(file)} || echo "distillery: submit {shlex.quote(file)} again to go on" >&2
fi
"""


def _options(job: Job, settings: Pbs) -> list[str]:
    array, mail = settings.mode == "array", settings.mail
    chunk = [f"{1 if array else settings.nodes}:ncpus={settings.cpus_per_node}:mpiprocs=1"]
    if settings.gpus_per_node:
        chunk.append(f"ngpus={settings.gpus_per_node}")
    if settings.gpu_type:
        chunk.append(f"gpu_type={settings.gpu_type}")
    if settings.memory or settings.memory_per_cpu:
        each = megabytes(settings.memory_per_cpu or "0") * settings.cpus_per_node
        chunk.append(f"mem={megabytes(settings.memory) if settings.memory else each}mb")
    whole = {None: settings.place, True: f"{settings.place}:excl", False: f"{settings.place}:shared"}
    left = seconds(settings.time)
    options = [
        f"-N {job.name if job.name[0].isalpha() else 'd' + job.name}",
        "-j oe",
        f"-o {settings.output}" if settings.output else "",
        f"-A {settings.account}" if settings.account else "",
        f"-q {settings.reservation or settings.queue}" if settings.reservation or settings.queue else "",
        f"-M {mail.to}" if mail else "",
        f"-m {''.join(_MAIL[when] for when in mail.when) or 'n'}" if mail else "",
        f"-J 1-{settings.parts}" + (f"%{settings.at_once}" if settings.at_once else "") if array else "",
        f"-l select={':'.join(chunk)}",
        f"-l place={whole[settings.exclusive]}",
        f"-l walltime={left // 3600:02d}:{left // 60 % 60:02d}:{left % 60:02d}",
        *(f"-l {name}={count}" for name, count in settings.licenses.items()),
        f"-r {'y' if settings.requeue or array else 'n'}",
        *settings.pbs,
    ]
    return [option for option in options if option]

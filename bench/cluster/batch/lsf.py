"""LSF: a job of N hosts with a Ray cluster in it, or an array of single-host jobs."""

from __future__ import annotations

import shlex

from graph_distillery.bench.cluster.batch import without_srun
from graph_distillery.bench.cluster.batch.script import Job, directives
from graph_distillery.bench.cluster.batch.settings import Lsf
from graph_distillery.bench.cluster.fields import megabytes, seconds
from graph_distillery.bench.cluster.files import Launch
from graph_distillery.bench.cluster.request import LaunchRequest

#: The exit code by which LSF puts a job back into its queue.
_AGAIN = 99


def make(request: LaunchRequest, settings: Lsf) -> Launch:
    """The script for bsub, which reads it from its standard input."""
    job = Job(request, settings)
    name = f"{job.name}.bsub"
    system = without_srun.System(
        number="LSB_JOBID",
        index="$LSB_JOBINDEX",
        folder="${LS_SUBCWD:-$PWD}",
        others="mapfile -t others < <(awk '!seen[$1]++' \"$LSB_DJOB_HOSTFILE\" | tail -n +2) # the first is this one",
        start='blaunch -z "$other"',
        again=f"""\
# The time was up: back into the queue, where the same command resumes.
if [ "$late" = 1 ] && [ "$code" != 0 ]; then code={_AGAIN}; fi
""",
    )
    text = directives("#BSUB", _options(job, settings)) + "\n" + without_srun.body(job, settings, system)
    return Launch({name: text}, [["bash", "-c", f"bsub < {shlex.quote(name)}"]], job.stores_note())


def _options(job: Job, settings: Lsf) -> list[str]:
    array, mail, gpus = settings.mode == "array", settings.mail, settings.gpus_per_node
    slots = settings.cpus_per_node
    limit = f"%{settings.at_once}" if settings.at_once else ""
    minutes = -(-seconds(settings.time) // 60)
    each = megabytes(settings.memory) if settings.memory else megabytes(settings.memory_per_cpu or "0") * slots
    memory = each if settings.memory or settings.memory_per_cpu else 0
    wanted = [f"{name}={count}" for name, count in settings.licenses.items()]
    options = [
        f'-J "{job.name}[1-{settings.parts}]{limit}"' if array else f"-J {job.name}",
        f"-o {settings.output or job.name + ('-%J-%I' if array else '-%J') + '.log'}",
        f"-P {settings.account}" if settings.account else "",
        f"-q {settings.queue}" if settings.queue else "",
        f"-U {settings.reservation}" if settings.reservation else "",
        f"-u {mail.to}" if mail else "",
        "-B" if mail and "begin" in mail.when else "",
        "-N" if mail and {"end", "fail"} & set(mail.when) else "",
        f"-n {slots * settings.nodes}",
        f'-R "span[ptile={slots}]"',
        f'-R "rusage[mem={memory}MB/host]"' if memory else "",
        f'-R "rusage[{",".join(wanted)}]"' if wanted else "",
        f'-gpu "num={gpus}/host:mode=shared{":gmodel=" + settings.gpu_type if settings.gpu_type else ""}"'
        if gpus
        else "",
        f"-W {minutes // 60}:{minutes % 60:02d}",
        "-x" if settings.exclusive else "",
        "-r" if settings.requeue else "-rn",
        f'-Q "{_AGAIN}"' if settings.requeue else "",
        *settings.bsub,
    ]
    return [option for option in options if option]

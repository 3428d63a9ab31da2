"""Jobs under way: what each is for, and which of them are carried out as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from graph_distillery.bench.sweeps.cell_run import CellRun, JobRequest
from graph_distillery.bench.sweeps.jobs import Job
from graph_distillery.bench.sweeps.plan.plan import TeacherPlan


@dataclass(frozen=True)
class Owner:
    """What a job under way is for; with neither teacher nor run it makes an artefact of a method."""

    teacher: TeacherPlan | None
    run: CellRun | None = None
    work: JobRequest | None = None

    @property
    def leaves_no_record(self) -> bool:
        """Whether it makes an artefact, or a student of a run that is on record."""
        return self.teacher is None and (
            self.run is None or (self.work is not None and self.work.student_of is not None)
        )


class UnderWay:
    """By the keys of the jobs. Of a group, which times several rows, every job has its own owner."""

    def __init__(self) -> None:
        self._owners: dict[str, Owner] = {}
        self._groups: dict[str, Job] = {}

    def __len__(self) -> int:
        return len(self._owners)

    def __contains__(self, key: object) -> bool:
        return key in self._owners

    def __getitem__(self, key: str) -> Owner:
        return self._owners[key]

    def begin(self, job: Job, owner: Owner) -> Job:
        """Have it under way."""
        self._owners[job.key] = owner
        return job

    def give_out(self, job: Job) -> list[tuple[Job, Owner]]:
        """Each job of it with its owner."""
        if job.together:
            self._groups[job.key] = job
        return [(each, self._owners[each.key]) for each in (job, *job.together)]

    def group(self, key: str) -> Job | None:
        """The group that is carried out under a key."""
        return self._groups.get(key)

    def part(self, key: str) -> None:
        """A group is one no longer."""
        self._groups.pop(key, None)

    def end(self, key: str) -> None:
        """A job is over."""
        owner = self._owners.pop(key)
        if owner.run is not None and owner.work is not None:
            owner.run.let_go(owner.work)

    def release(self, jobs: Sequence[Job]) -> None:
        """Jobs that are not given out after all."""
        for job in jobs:
            self.end(job.key)

    def counts(self) -> Counter[str]:
        """By the id of their cell or teacher; may be asked from another thread."""
        beside = {each.key for job in list(self._groups.values()) for each in job.together}  # of one job
        owners = [owner for key, owner in list(self._owners.items()) if key not in beside]
        places = (owner.run.cell if owner.run is not None else owner.teacher for owner in owners)
        return Counter(place.id for place in places if place is not None)

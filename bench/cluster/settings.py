"""The cluster file: a strict YAML with a section per kind of cluster. What it does not know, it refuses."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from graph_distillery.bench.errors import UserError
from graph_distillery.search_spaces import SpaceError, load_yaml
from graph_distillery.search_spaces.errors import first_problem


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("one line of printable characters is expected")
    return text


#: Free text of one line: a path, or a line of shell that the user answers for.
Line = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_one_line)]
#: A name in a directive of Slurm, which knows no quotes.
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/+@=,&|()\[\]*-]{0,199}$")]
#: A name of a Kubernetes object.
Label = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]
Count = Annotated[int, Field(ge=0, le=100_000)]
Many = Annotated[int, Field(ge=1, le=100_000)]


class Section(BaseModel):
    """What every kind of cluster has.

    store: the store's place on the cluster. workers: trials at once; None fills the cluster. data, mirror: become
    DISTILLERY_DATA and DISTILLERY_MIRROR.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    store: Line | None = None
    workers: Many | None = None
    data: Line | None = None
    mirror: Line | None = None

    def environment(self) -> dict[str, str]:
        """The variables of the suite."""
        named = {"DISTILLERY_DATA": self.data, "DISTILLERY_MIRROR": self.mirror}
        return {name: value for name, value in named.items() if value is not None}


class Slurm(Section):
    """An allocation, or an array of single-node jobs.

    mode: `symmetric` runs `ray symmetric-run` on every node and takes whole nodes, since that ends with `ray stop`;
    `head-workers` starts a head and workers itself and may share nodes; `array` splits the plan's cells over `parts`
    jobs without Ray. grace_s: seconds between SIGTERM and the limit. setup: lines of shell before anything else.
    """

    mode: Literal["symmetric", "head-workers", "array"] = "symmetric"
    nodes: Annotated[int, Field(ge=1, le=10_000)] = 1
    parts: Annotated[int, Field(ge=2, le=10_000)] | None = None
    at_once: Many | None = None
    cpus_per_node: Many = 8
    gpus_per_node: Count = 0
    gpu_type: Word | None = None
    memory: Annotated[str, Field(pattern=r"^[0-9]+[KMGT]?$")] | None = None
    time: Annotated[str, Field(pattern=r"^([0-9]+-)?[0-9]{1,4}(:[0-9]{2}){0,2}$")] = "24:00:00"
    account: Word | None = None
    partition: Word | None = None
    qos: Word | None = None
    constraint: Word | None = None
    reservation: Word | None = None
    exclusive: bool | None = None
    requeue: bool = True
    grace_s: Annotated[int, Field(ge=30, le=3600)] = 60
    modules: tuple[Word, ...] = ()
    venv: Line | None = None
    conda: Line | None = None
    setup: tuple[Line, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Slurm:
        array = self.mode == "array"
        if array != (self.parts is not None):
            raise ValueError("parts: mode array needs it" if array else "parts: for mode array only")
        if array and self.nodes != 1:
            raise ValueError("nodes: a job of an array has one node")
        if array and self.gpus_per_node > 1:
            raise ValueError("gpus_per_node: a job of an array uses one GPU; take more parts")
        if self.at_once is not None and not array:
            raise ValueError("at_once: for mode array only")
        if self.mode == "symmetric" and self.exclusive is False:
            raise ValueError(
                "exclusive: mode symmetric ends with `ray stop`, which stops every Ray of yours on its nodes; take "
                "mode head-workers to share nodes"
            )
        if self.venv and self.conda:
            raise ValueError("venv: either venv or conda")
        return self


class Volume(BaseModel):
    """The claim that holds the stores; size: make it, otherwise it must be there."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    claim: Label
    size: Quantity | None = None
    storage_class: Label | None = None
    access: Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"] = "ReadWriteOnce"


class Pods(BaseModel):
    """A group of workers that the autoscaler grows and shrinks."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Label
    least: Count = 0
    most: Many = 1
    cpus: Many = 4
    memory: Quantity = "8Gi"
    gpus: Count = 0
    gpu_resource: Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[A-Za-z0-9._-]+$")] = "nvidia.com/gpu"
    node_selector: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ordered(self) -> Pods:
        if self.least > self.most:
            raise ValueError(f"least: {self.least} is more than most, {self.most}")
        return self


class KubeRay(Section):
    """A RayJob. auth_secret: a Secret with the key auth_token; None lets KubeRay make a token of its own."""

    image: Line
    volume: Volume
    namespace: Label | None = None
    ray_version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")] | None = None
    head_cpus: Many = 2
    head_memory: Quantity = "8Gi"
    groups: tuple[Pods, ...] = (Pods(name="cpu"),)
    auth_secret: Label | None = None
    retries: Count = 3
    keep_s: Count = 600
    idle_s: Many = 120

    @model_validator(mode="after")
    def _named_once(self) -> KubeRay:
        names = [group.name for group in self.groups]
        if not names or len(set(names)) != len(names):
            raise ValueError("groups: at least one, each name once")
        return self


class NodeType(BaseModel):
    """A kind of machine of a cloud; node_config goes to the provider as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Word
    node_config: dict[str, Any] = Field(default_factory=dict)
    cpus: Many | None = None
    gpus: Count = 0
    least: Count = 0
    most: Many = 1


class RayUp(Section):
    """A cluster YAML of `ray up`. provider goes to Ray as it is, and Ray's own schema checks it."""

    provider: dict[str, Any]
    ssh_user: Word | None = None
    ssh_private_key: Line | None = None
    head: NodeType | None = None
    groups: tuple[NodeType, ...] = ()
    image: Line | None = None
    setup: tuple[Line, ...] = ()
    idle_minutes: Many = 5

    @model_validator(mode="after")
    def _consistent(self) -> RayUp:
        if not isinstance(self.provider.get("type"), str):
            raise ValueError("provider: its type is missing, as in {type: aws, region: us-west-2}")
        local = self.provider["type"] == "local"
        if local and (self.head or self.groups):
            raise ValueError("head: a local provider lists its machines as head_ip and worker_ips, and has no types")
        if not local and (self.head is None or not self.groups):
            raise ValueError("head: a cloud needs head and groups")
        return self


class Cluster(BaseModel):
    """The whole file; a section per kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slurm: Slurm = Slurm()
    kuberay: KubeRay | None = None
    ray: RayUp | None = None


def read_settings(path: Path | None) -> Cluster:
    """Read a cluster file; without one, the defaults, which Slurm alone has.

    Raises:
        UserError: it cannot be read, or a field is wrong; one line with the nearest valid name.
    """
    if path is None:
        return Cluster()
    try:
        content = load_yaml(path, source=str(path))
    except SpaceError as error:
        raise UserError(str(error)) from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: a mapping of slurm, kuberay or ray is expected, not {type(content).__name__}")
    try:
        return Cluster.model_validate(_tuples(content), strict=False)
    except ValidationError as error:
        raise UserError(first_problem(error, str(path), _fields_at)) from None


def _tuples(value: Any) -> Any:
    """Lists of YAML as the tuples that strict models take, but not inside what goes to a provider as it is."""
    if isinstance(value, dict):
        return {key: item if key in ("provider", "node_config") else _tuples(item) for key, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _fields_at(location: tuple[Any, ...]) -> Iterable[str]:
    """The valid names of the part of the file at `location`."""
    parts: dict[tuple[str, ...], type[BaseModel]] = {
        (): Cluster,
        ("slurm",): Slurm,
        ("kuberay",): KubeRay,
        ("kuberay", "volume"): Volume,
        ("kuberay", "groups"): Pods,
        ("ray",): RayUp,
        ("ray", "head"): NodeType,
        ("ray", "groups"): NodeType,
    }
    names = tuple(part for part in location if isinstance(part, str))
    return parts.get(names, Cluster).model_fields

"""Sections of a cluster file for Kubernetes, and for machines that Ray's own launcher starts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from graph_distillery.bench.cluster.fields import Count, Label, Line, Many, Place, Quantity, Word, one_line
from graph_distillery.bench.cluster.pods import checked
from graph_distillery.bench.cluster.section import Section

#: The image, with neither spaces nor anything that a YAML or a shell could take for more than a name.
Image = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,499}$")]
#: Part of a pod's template, in Kubernetes' own words.
Pod = Annotated[dict[str, Any], AfterValidator(checked)]
Short = Annotated[str, Field(max_length=253), AfterValidator(one_line)]


class Volume(BaseModel):
    """The claim that holds the stores; size: make it, otherwise it must be there."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    claim: Label
    size: Quantity | None = None
    storage_class: Label | None = None
    access: Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"] = "ReadWriteOnce"


class Pods(BaseModel):
    """A group of workers that the autoscaler grows and shrinks. pod: merged into the template of this group's pods."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Label
    least: Count = 0
    most: Many = 1
    cpus: Many = 4
    memory: Quantity = "8Gi"
    gpus: Count = 0
    gpu_resource: Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[A-Za-z0-9._-]+$")] = "nvidia.com/gpu"
    node_selector: dict[Short, Short] = Field(default_factory=dict)
    pod: Pod = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ordered(self) -> Pods:
        if self.least > self.most:
            raise ValueError(f"least: {self.least} is more than most, {self.most}")
        return self


class KubeRay(Section):
    """A RayJob. auth_secret: a Secret with the key auth_token; None lets KubeRay make a token of its own.

    pull_secrets: for the image's registry. pod: merged into the template of every pod; head_pod: of the head's alone.
    """

    image: Image
    volume: Volume
    namespace: Label | None = None
    ray_version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")] | None = None
    head_cpus: Many = 2
    head_memory: Quantity = "8Gi"
    groups: tuple[Pods, ...] = (Pods(name="cpu"),)
    auth_secret: Label | None = None
    pull_secrets: tuple[Label, ...] = ()
    pod: Pod = Field(default_factory=dict)
    head_pod: Pod = Field(default_factory=dict)
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
    ssh_private_key: Place | None = None
    head: NodeType | None = None
    groups: tuple[NodeType, ...] = ()
    image: Image | None = None
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

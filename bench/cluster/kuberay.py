"""Kubernetes: a RayJob of KubeRay 1.6 or newer, with its spec, its volume and a wall around its pods."""

from __future__ import annotations

import re
import shlex
from typing import Any

from graph_distillery.bench.cluster.files import Launch, documents
from graph_distillery.bench.cluster.machine_settings import KubeRay, Pods
from graph_distillery.bench.cluster.pods import merged
from graph_distillery.bench.cluster.request import LaunchRequest, Nodes
from graph_distillery.bench.cluster.shell import joined, without_variables
from graph_distillery.bench.ids import content_id

#: Of a RayJob; its cluster and pods add to it.
_LONGEST_NAME = 47
_SPEC, _STORES = "/etc/distillery", "/stores"
#: Seconds that a driver gets to stop when its job or its pod is told to.
_GRACE_S = 60


def make(request: LaunchRequest, settings: KubeRay) -> Launch:
    """The manifest: ConfigMap, claim, NetworkPolicy, RayJob."""
    name = object_name(request.spec.name)
    parts = [_config(name, request), *_claim(settings), _wall(name), _job(name, request, settings)]
    if settings.namespace:
        for part in parts:
            part["metadata"]["namespace"] = settings.namespace
    file = f"{request.spec.name}.kuberay.yaml"
    where = f" --namespace {settings.namespace}" if settings.namespace else ""
    head = [
        f"kubectl apply -f {shlex.quote(file)}",
        f"kubectl logs{where} --follow --selector distillery={name},ray.io/node-type=head",
        "After a failure or an eviction the same RayJob resumes: the store is on the claim, finished work is skipped.",
    ]
    notes = () if settings.auth_secret else ("KubeRay makes the token of this cluster",)
    return Launch({file: documents(*parts, head=head)}, [["kubectl", "apply", "--filename", file]], notes)


def object_name(name: str) -> str:
    """A Kubernetes name for a spec's; where letters must go, a hash keeps two specs apart."""
    plain = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")
    made = f"distillery-{plain}"
    if plain == name and len(made) <= _LONGEST_NAME:
        return made
    return f"{made[: _LONGEST_NAME - 7].rstrip('-')}-{content_id(name)[:6]}"


def _config(name: str, request: LaunchRequest) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"spec.yaml": request.text},
    }


def _claim(settings: KubeRay) -> list[dict[str, Any]]:
    volume = settings.volume
    if volume.size is None:
        return []
    spec: dict[str, Any] = {
        "accessModes": [volume.access],
        "resources": {"requests": {"storage": volume.size}},
    }
    if volume.storage_class:
        spec["storageClassName"] = volume.storage_class
    return [
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": volume.claim}, "spec": spec},
    ]


def _wall(name: str) -> dict[str, Any]:
    """Only this job's pods and the operator reach them: no client port, no dashboard for anyone else."""
    operator = {"matchLabels": {"app.kubernetes.io/name": "kuberay-operator"}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "podSelector": {"matchLabels": {"distillery": name}},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"from": [{"podSelector": {"matchLabels": {"distillery": name}}}]},
                {
                    "from": [{"namespaceSelector": {}, "podSelector": operator}],
                    "ports": [{"protocol": "TCP", "port": 8265}],
                },
            ],
        },
    }


def _job(name: str, request: LaunchRequest, settings: KubeRay) -> dict[str, Any]:
    nodes = [Nodes(group.most, group.cpus, group.gpus, group.least) for group in settings.groups]
    store = settings.store or f"{_STORES}/{request.spec.name}"
    more = ["--executor", "ray", "--address", "auto", *request.placed(nodes, settings)]
    words = joined(request.sweep(f"{_SPEC}/spec.yaml", store, *more))
    if "${" in words:  # for the head's shell, not for those that the entry point goes through on its way there
        words = shlex.join(["bash", "-c", f"exec {words}"])
    auth: dict[str, Any] = {"mode": "token"}
    if settings.auth_secret:
        auth["secretName"] = settings.auth_secret
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {"name": name, "labels": {"distillery": name}},
        "spec": {
            "entrypoint": words,
            "submissionMode": "SidecarMode",  # from inside the head's pod: nobody else needs its dashboard
            "backoffLimit": settings.retries,
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": settings.keep_s,
            "rayClusterSpec": {
                "rayVersion": settings.ray_version or request.ray,
                "authOptions": auth,
                "enableInTreeAutoscaling": True,
                "autoscalerOptions": {"idleTimeoutSeconds": settings.idle_s},
                "headGroupSpec": _head(name, settings),
                "workerGroupSpecs": [_group(name, group, settings) for group in settings.groups],
            },
        },
    }


def _head(name: str, settings: KubeRay) -> dict[str, Any]:
    """The driver's pod, which runs no trial: it alone mounts the store."""
    container = _container("ray-head", settings, settings.head_cpus, settings.head_memory)
    container["env"].append({"name": "RAY_JOB_STOP_WAIT_TIME_S", "value": str(_GRACE_S // 2)})
    container["volumeMounts"] = [
        {"name": "spec", "mountPath": _SPEC, "readOnly": True},
        {"name": "stores", "mountPath": _STORES},
    ]
    volumes = [
        {"name": "spec", "configMap": {"name": name}},
        {"name": "stores", "persistentVolumeClaim": {"claimName": settings.volume.claim}},
    ]
    return {
        "serviceType": "ClusterIP",
        "enableIngress": False,
        "rayStartParams": {"num-cpus": "0", "num-gpus": "0"},
        "template": _pod(name, container, {"volumes": volumes}, settings, settings.head_pod),
    }


def _group(name: str, group: Pods, settings: KubeRay) -> dict[str, Any]:
    container = _container("ray-worker", settings, group.cpus, group.memory)
    if group.gpus:
        for kind in ("requests", "limits"):
            container["resources"][kind][group.gpu_resource] = group.gpus
    more: dict[str, Any] = {"nodeSelector": dict(group.node_selector)} if group.node_selector else {}
    if group.gpus:
        more["tolerations"] = [{"key": group.gpu_resource, "operator": "Exists", "effect": "NoSchedule"}]
    return {
        "groupName": group.name,
        "replicas": group.least,
        "minReplicas": group.least,
        "maxReplicas": group.most,
        "rayStartParams": {},
        "template": _pod(name, container, more, settings, group.pod),
    }


def _pod(
    name: str, container: dict[str, Any], more: dict[str, Any], settings: KubeRay, own: dict[str, Any]
) -> dict[str, Any]:
    """The template, with the user's part for every pod and then the one for these."""
    if settings.pull_secrets:
        more = {"imagePullSecrets": [{"name": secret} for secret in settings.pull_secrets], **more}
    template = {
        "metadata": {"labels": {"distillery": name}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": _GRACE_S,
            "automountServiceAccountToken": container["name"] == "ray-head",  # the autoscaler beside it needs it
            "containers": [container],
            **more,
        },
    }
    return merged(template, settings.pod, own)


def _container(name: str, settings: KubeRay, cpus: int, memory: str) -> dict[str, Any]:
    values = {"RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}
    for key, value in settings.environment().items():
        values[key] = without_variables(value, f"kuberay: {key}")
    amount = {"cpu": str(cpus), "memory": memory}
    return {
        "name": name,
        "image": settings.image,
        "env": [{"name": key, "value": value} for key, value in values.items()],
        "resources": {"requests": dict(amount), "limits": dict(amount)},
        "securityContext": {"allowPrivilegeEscalation": False},
    }

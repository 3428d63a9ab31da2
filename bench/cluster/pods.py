"""A user's part of a pod's template, merged into the suite's as `kubectl apply` merges: maps by key, lists by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from graph_distillery.near_names import unknown_line

#: Fields of Kubernetes' PodSpec and Container, v1.
_POD_SPEC = """
    activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy
    enableServiceLinks ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname
    imagePullSecrets initContainers nodeName nodeSelector os overhead preemptionPolicy priority
    priorityClassName readinessGates resourceClaims resources restartPolicy runtimeClassName schedulerName
    schedulingGates securityContext serviceAccount serviceAccountName setHostnameAsFQDN shareProcessNamespace
    subdomain terminationGracePeriodSeconds tolerations topologySpreadConstraints volumes
""".split()  # noqa: SIM905 - as a table
_CONTAINER = """
    args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe
    resizePolicy resources restartPolicy restartPolicyRules securityContext startupProbe stdin stdinOnce
    terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir
""".split()  # noqa: SIM905 - as a table
#: What the job needs as it is: by field, why.
_KEPT = {
    "spec": {"restartPolicy": "KubeRay starts lost pods again", "ephemeralContainers": "a template has none"},
    "containers": {
        "name": "the job names it",
        "image": "write it as kuberay.image",
        "command": "KubeRay starts Ray with it",
        "args": "KubeRay starts Ray with them",
    },
}
#: Lists whose items go by a key; those of other lists are added.
_KEYS = {"env": "name", "volumes": "name", "volumeMounts": "mountPath", "initContainers": "name"}
_LISTS = ("imagePullSecrets", "tolerations", "envFrom", *_KEYS, "topologySpreadConstraints", "hostAliases")


def checked(part: dict[str, Any]) -> dict[str, Any]:
    """The user's part, if a pod's template can have it.

    Raises:
        ValueError: one line with the field, and the nearest name that there is.
    """
    _known(part, ("metadata", "spec"), "")
    metadata, spec = _table(part, "metadata", ""), _table(part, "spec", "")
    _known(metadata, ("labels", "annotations"), "metadata.")
    for name in ("labels", "annotations"):
        for key, value in _table(metadata, name, "metadata.").items():
            if not isinstance(value, str):
                raise ValueError(f"metadata.{name}.{key}: a text is expected, got {value!r}; put it in quotes")
            if key == "distillery" or key.startswith("ray.io/"):
                raise ValueError(f"metadata.{name}.{key}: the job's own, by which its pods are found")
    _known(spec, _POD_SPEC, "spec.", _KEPT["spec"])
    _lists(spec, "spec.")
    containers = spec.get("containers", [])
    if not isinstance(containers, list) or len(containers) > 1 or not all(isinstance(c, dict) for c in containers):
        raise ValueError("spec.containers: a list of one, the container that runs Ray; add others as initContainers")
    for container in containers:
        _known(container, _CONTAINER, "spec.containers.0.", _KEPT["containers"])
        _lists(container, "spec.containers.0.")
    _free(spec)
    return part


def merged(template: Mapping[str, Any], *parts: Mapping[str, Any]) -> dict[str, Any]:
    """The template with what the user's parts say, a later one over an earlier."""
    made = deepcopy(dict(template))
    for part in parts:
        _merge(made, deepcopy(dict(part)))
    return made


def _merge(into: dict[str, Any], part: Mapping[str, Any]) -> None:
    for name, value in part.items():
        there = into.get(name)
        if isinstance(value, dict) and isinstance(there, dict):
            _merge(there, value)
        elif name == "containers" and there:
            _merge(there[0], value[0] if value else {})
        elif name in _KEYS and isinstance(there, list):
            into[name] = _by_key(there, value, _KEYS[name])
        elif isinstance(value, list) and isinstance(there, list):
            into[name] = there + [item for item in value if item not in there]
        else:
            into[name] = value


def _by_key(there: list[Any], new: Iterable[Any], key: str) -> list[Any]:
    items = list(there)
    for item in new:
        at = next((n for n, known in enumerate(items) if known.get(key) == item.get(key) is not None), None)
        if at is None:
            items.append(item)
        else:
            items[at] = item
    return items


def _known(table: Mapping[str, Any], names: Iterable[str], where: str, kept: Mapping[str, str] | None = None) -> None:
    for name in table:
        if not isinstance(name, str) or name not in (valid := list(names)):
            raise ValueError(f"{where.rstrip('.') or 'pod'}: {unknown_line('field', str(name), valid)}")
        if kept and name in kept:
            raise ValueError(f"{where}{name}: cannot be set: {kept[name]}")


def _table(table: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    value = table.get(name, {})
    if not isinstance(value, dict):
        raise ValueError(f"{where}{name}: a mapping is expected, got {value!r:.80}")
    return value


def _lists(table: Mapping[str, Any], where: str) -> None:
    for name in _LISTS:
        items = table.get(name, [])
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise ValueError(f"{where}{name}: a list of mappings is expected, got {items!r:.80}")
        key = _KEYS.get(name)
        for number, item in enumerate(items):
            if key and not isinstance(item.get(key), str):
                raise ValueError(f"{where}{name}.{number}: field {key!r} is missing")
            if name == "env" and not isinstance(item.get("value", ""), str):
                raise ValueError(f"{where}{name}.{number}.value: a text is expected; put {item['value']!r} in quotes")


def _free(spec: Mapping[str, Any]) -> None:
    """The job's own volumes, places and variables are not given away."""
    for volume in spec.get("volumes", []):
        if volume["name"] in ("spec", "stores"):
            raise ValueError(f"spec.volumes: {volume['name']!r} is the job's own volume; take another name")
    for container in spec.get("containers", []):
        for mount in container.get("volumeMounts", []):
            if any(
                f"{mount['mountPath'].rstrip('/')}/".startswith(f"{ours}/") for ours in ("/etc/distillery", "/stores")
            ):
                raise ValueError(f"spec.containers.0.volumeMounts: {mount['mountPath']} is the job's own place")
        for variable in container.get("env", []):
            if variable["name"] in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
                raise ValueError(f"spec.containers.0.env: {variable['name']}: KubeRay sets it; see auth_secret")

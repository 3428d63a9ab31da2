"""KubeRay manifests hold the fields that its API requires; cluster YAMLs pass Ray's own schema."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
import yaml

from graph_distillery.bench.cluster.kuberay import object_name

KUBERAY: dict[str, Any] = {
    "image": "ghcr.io/example/distillery:0.1",
    "volume": {"claim": "stores", "size": "50Gi"},
    "groups": [
        {"name": "cpu", "most": 4, "cpus": 8},
        {"name": "gpu", "least": 1, "most": 2, "cpus": 8, "gpus": 1, "node_selector": {"gpu": "a100"}},
    ],
}
HALF = {"resources": {"overrides": {"kd": {"gpus": 0.125}}}}
#: The parts of KubeRay's ray.io/v1 API reference (1.6) that a RayJob of ours uses, with what it requires.
POD = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "required": ["containers"],
            "properties": {
                "restartPolicy": {"const": "Never"},
                "containers": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["name", "image"],
                        "properties": {
                            "env": {"items": {"required": ["name"], "properties": {"value": {"type": "string"}}}}
                        },
                    },
                },
            },
        },
    },
}
PARAMETERS = {"type": "object", "additionalProperties": {"type": "string"}}
RAY_JOB = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "ray.io/v1"},
        "kind": {"const": "RayJob"},
        "metadata": {
            "required": ["name"],
            "properties": {"name": {"maxLength": 47, "pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$"}},
        },
        "spec": {
            "type": "object",
            "required": ["entrypoint", "rayClusterSpec"],
            "additionalProperties": False,
            "properties": {
                "entrypoint": {"type": "string"},
                "submissionMode": {"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"]},
                "backoffLimit": {"type": "integer", "minimum": 0},
                "shutdownAfterJobFinishes": {"type": "boolean"},
                "ttlSecondsAfterFinished": {"type": "integer", "minimum": 0},
                "rayClusterSpec": {
                    "type": "object",
                    "required": ["headGroupSpec"],
                    "additionalProperties": False,
                    "properties": {
                        "rayVersion": {"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
                        "authOptions": {
                            "additionalProperties": False,
                            "properties": {"mode": {"enum": ["disabled", "token"]}, "secretName": {"type": "string"}},
                        },
                        "enableInTreeAutoscaling": {"type": "boolean"},
                        "autoscalerOptions": {
                            "additionalProperties": False,
                            "properties": {"idleTimeoutSeconds": {"type": "integer"}},
                        },
                        "headGroupSpec": {
                            "type": "object",
                            "required": ["rayStartParams", "template"],
                            "additionalProperties": False,
                            "properties": {
                                "serviceType": {"type": "string"},
                                "enableIngress": {"type": "boolean"},
                                "rayStartParams": PARAMETERS,
                                "template": POD,
                            },
                        },
                        "workerGroupSpecs": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["groupName", "maxReplicas", "minReplicas", "rayStartParams", "template"],
                                "additionalProperties": False,
                                "properties": {
                                    "groupName": {"type": "string"},
                                    "replicas": {"type": "integer"},
                                    "minReplicas": {"type": "integer"},
                                    "maxReplicas": {"type": "integer"},
                                    "rayStartParams": PARAMETERS,
                                    "template": POD,
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


@pytest.fixture
def manifest(launch: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """The objects of a manifest by kind."""

    def make(spec: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        code, err, made = launch("kuberay", {**KUBERAY, **changes}, **{**HALF, **(spec or {})})
        assert code == 0, err
        (text,) = made["files"].values()
        return {part["kind"]: part for part in yaml.safe_load_all(text)}

    return make


def test_a_ray_job_has_what_its_api_requires(manifest: Callable[..., dict[str, Any]]) -> None:
    parts = manifest()
    assert set(parts) == {"ConfigMap", "PersistentVolumeClaim", "NetworkPolicy", "RayJob"}
    jsonschema.validate(parts["RayJob"], RAY_JOB)
    cluster = parts["RayJob"]["spec"]["rayClusterSpec"]
    gpu = cluster["workerGroupSpecs"][1]
    assert (gpu["minReplicas"], gpu["maxReplicas"]) == (1, 2)
    assert gpu["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    spec = cluster["headGroupSpec"]["template"]["spec"]
    assert spec["volumes"][1]["persistentVolumeClaim"]["claimName"] == "stores"
    assert parts["ConfigMap"]["metadata"]["name"] == spec["volumes"][0]["configMap"]["name"]
    assert yaml.safe_load(parts["ConfigMap"]["data"]["spec.yaml"])["name"] == "mini"
    words = parts["RayJob"]["spec"]["entrypoint"]
    assert words == "distillery sweep /etc/distillery/spec.yaml --out /stores/mini --executor ray --address auto " + (
        "--workers 16 --device cuda"
    )


def test_a_ray_job_is_closed_by_default(manifest: Callable[..., dict[str, Any]]) -> None:
    parts = manifest()
    cluster = parts["RayJob"]["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert cluster["headGroupSpec"]["enableIngress"] is False
    ports = [rule.get("ports") for rule in parts["NetworkPolicy"]["spec"]["ingress"]]
    assert ports == [None, [{"protocol": "TCP", "port": 8265}]], "the operator's port; all else among own pods"
    own = parts["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert own.items() <= group["template"]["metadata"]["labels"].items()
    assert manifest(auth_secret="token")["RayJob"]["spec"]["rayClusterSpec"]["authOptions"]["secretName"] == "token"


def test_a_hostile_store_stays_one_word(manifest: Callable[..., dict[str, Any]]) -> None:
    words = manifest(store="/stores/(reboot); x")["RayJob"]["spec"]["entrypoint"]
    assert "--out '/stores/(reboot); x' --executor" in words


def test_two_specs_never_share_a_kubernetes_name() -> None:
    names = ["a", "A", "a.b", "a-b", "a_b", "x" * 60, "x" * 61]
    made = [object_name(name) for name in names]
    assert len(set(made)) == len(names)
    assert all(re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name) and len(name) <= 47 for name in made)


AWS: dict[str, Any] = {
    "provider": {"type": "aws", "region": "us-west-2"},
    "ssh_user": "ubuntu",
    "head": {"name": "head", "node_config": {"InstanceType": "m6i.large"}},
    "groups": [
        {"name": "cpu", "node_config": {"InstanceType": "c6i.4xlarge"}, "cpus": 16, "most": 4},
        {"name": "gpu", "node_config": {"InstanceType": "g5.4xlarge"}, "cpus": 16, "gpus": 1, "most": 2},
    ],
    "setup": ["pip install git+https://example.org/graph-distillery.git"],
}
LOCAL: dict[str, Any] = {
    "provider": {"type": "local", "head_ip": "192.0.2.1", "worker_ips": ["192.0.2.2", "192.0.2.3"]},
    "ssh_user": "me",
    "ssh_private_key": "~/.ssh/id_ed25519",
    "workers": 8,
}


@pytest.mark.parametrize(
    "section", [AWS, LOCAL, {**AWS, "image": "rayproject/ray:2.60.0"}], ids=["aws", "local", "image"]
)
def test_a_cluster_yaml_passes_the_schema_of_ray(section: dict[str, Any], launch: Callable[..., Any]) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    code, err, made = launch("ray", section, **({} if section is LOCAL else HALF))
    assert code == 0, err
    (text,) = made["files"].values()
    cluster = yaml.safe_load(text)
    validate_config(prepare_config(cluster))  # as `ray up` does
    (head,) = [line for line in cluster["head_start_ray_commands"] if "ray start" in line]
    (worker,) = [line for line in cluster["worker_start_ray_commands"] if "ray start" in line]
    assert "RAY_AUTH_MODE=token" in head
    assert "RAY_AUTH_MODE=token" in worker
    assert "--dashboard-host=127.0.0.1" in head
    assert "client-server-port" not in head
    sweep = made["commands"][-1][-1]
    workers = "8" if section is LOCAL else "16 --device cuda"
    assert sweep == (
        "RAY_AUTH_MODE=token distillery sweep ~/distillery/spec.yaml --out ~/distillery/mini --executor ray "
        f"--address auto --workers {workers}"
    )


@pytest.mark.parametrize(
    ("target", "section", "says"),
    [
        ("kuberay", {**KUBERAY, "volme": {}}, "kuberay: unknown field 'volme'; did you mean 'volume'?"),
        ("kuberay", {"image": "x"}, "kuberay: field 'volume' is missing"),
        ("kuberay", {**KUBERAY, "groups": [{"name": "a", "leest": 1}]}, "did you mean 'least'?"),
        ("kuberay", {**KUBERAY, "namespace": "a\nb"}, "kuberay.namespace: "),
        ("ray", {"provider": {"region": "x"}}, "provider: its type is missing"),
        ("ray", {**AWS, "groups": []}, "a cloud needs head and groups"),
    ],
)
def test_a_wrong_setting_is_one_line(
    target: str, section: dict[str, Any], says: str, launch: Callable[..., Any]
) -> None:
    code, err, made = launch(target, section)
    assert (code, made) == (2, None)
    assert says in err
    assert len(err.splitlines()) == 1


def test_a_users_part_of_the_pod_is_merged_through(manifest: Callable[..., dict[str, Any]]) -> None:
    """Secrets, tolerations, volumes and variables of a real site reach every pod; a group's own only its own."""
    key = {"name": "WANDB_API_KEY", "valueFrom": {"secretKeyRef": {"name": "wandb", "key": "key"}}}
    every = {
        "metadata": {"annotations": {"example.org/team": "gnn"}},
        "spec": {
            "tolerations": [{"key": "dedicated", "operator": "Exists"}],
            "volumes": [{"name": "pyg", "persistentVolumeClaim": {"claimName": "datasets"}}],
            "containers": [
                {
                    "env": [key, {"name": "OMP_NUM_THREADS", "value": "2"}],
                    "volumeMounts": [{"name": "pyg", "mountPath": "/d"}],
                }
            ],
        },
    }
    groups = [KUBERAY["groups"][0], {**KUBERAY["groups"][1], "pod": {"spec": {"nodeSelector": {"zone": "b"}}}}]
    head = {"spec": {"containers": [{"env": [{"name": "OPTUNA_URL", "value": "sqlite:////stores/x"}]}]}}
    settings = {"pull_secrets": ["registry"], "env": {"HTTPS_PROXY": "http://proxy"}}
    parts = manifest(pod=every, head_pod=head, groups=groups, **settings)
    jsonschema.validate(parts["RayJob"], RAY_JOB)
    cluster = parts["RayJob"]["spec"]["rayClusterSpec"]
    templates = [group["template"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]
    for template in templates:
        spec = template["spec"]
        assert template["metadata"]["annotations"] == {"example.org/team": "gnn"}
        assert template["metadata"]["labels"]["distillery"] == parts["RayJob"]["metadata"]["name"]
        assert spec["imagePullSecrets"] == [{"name": "registry"}]
        assert {"key": "dedicated", "operator": "Exists"} in spec["tolerations"]
        (container,) = spec["containers"]
        variables = {each["name"]: each for each in container["env"]}
        assert len(variables) == len(container["env"])
        assert variables["WANDB_API_KEY"] == key
        assert variables["OMP_NUM_THREADS"]["value"] == "2"
        assert variables["HTTPS_PROXY"]["value"] == "http://proxy"
        assert container["image"] == KUBERAY["image"]
        assert {"name": "pyg", "mountPath": "/d"} in container["volumeMounts"]
    assert [volume["name"] for volume in templates[0]["spec"]["volumes"]] == ["spec", "stores", "pyg"]
    assert templates[2]["spec"]["nodeSelector"] == {"gpu": "a100", "zone": "b"}
    urls = [any(each["name"] == "OPTUNA_URL" for each in t["spec"]["containers"][0]["env"]) for t in templates]
    assert urls == [True, False, False], "the head's alone"
    assert len(templates[2]["spec"]["tolerations"]) == 2, "the GPU's own and the site's"
    assert "nodeSelector" not in templates[1]["spec"]


def test_variables_of_the_head_are_expanded_there(manifest: Callable[..., dict[str, Any]]) -> None:
    """Not by the shells that the entry point passes: KubeRay's, and the one that Ray's job runs in."""
    words = manifest(sweep_args={"optuna_storage": "$OPTUNA_URL"})["RayJob"]["spec"]["entrypoint"]
    sent = shlex.split(words)
    assert sent[:2] == ["bash", "-c"]
    printing = 'printf "%s\\n" ' + sent[2].removeprefix("exec ")
    done = subprocess.run(
        ["sh", "-c", shlex.join(["bash", "-c", printing])],
        env={"PATH": "/usr/bin:/bin", "OPTUNA_URL": "postgresql://u:p w@h/$(d)"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[lines.index("--optuna-storage") + 1] == "postgresql://u:p w@h/$(d)"


@pytest.mark.parametrize(
    ("pod", "says"),
    [
        ({"spec": {"tolerationz": []}}, "did you mean 'tolerations'?"),
        ({"spec": {"restartPolicy": "Always"}}, "spec.restartPolicy: cannot be set"),
        ({"spec": {"containers": [{"image": "x"}]}}, "write it as kuberay.image"),
        ({"spec": {"containers": [{"env": [{"name": "A", "value": 1}]}]}}, "put 1 in quotes"),
        ({"spec": {"containers": [{}, {}]}}, "spec.containers: a list of one"),
        ({"spec": {"volumes": [{"name": "stores"}]}}, "'stores' is the job's own volume"),
        ({"spec": {"containers": [{"volumeMounts": [{"name": "x", "mountPath": "/stores/"}]}]}}, "the job's own place"),
        ({"metadata": {"labels": {"ray.io/group": "x"}}}, "by which its pods are found"),
        ({"spec": {"tolerations": {"key": "x"}}}, "a list of mappings is expected"),
    ],
)
def test_a_part_of_a_pod_that_cannot_be_is_refused(pod: dict[str, Any], says: str, launch: Callable[..., Any]) -> None:
    code, err, made = launch("kuberay", {**KUBERAY, "pod": pod})
    assert (code, made) == (2, None)
    assert says in err
    assert len(err.splitlines()) == 1

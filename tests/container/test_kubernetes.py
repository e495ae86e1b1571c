"""The manifests of docs/kubernetes, held to what the server, its image and they themselves say of each other."""

from __future__ import annotations

import re
import shlex
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from backend.metrics import Metrics
from backend.routes.operations import router
from backend.settings import RaySettings, Settings
from scripts.container.dockerfile import parse

ROOT = Path(__file__).resolve().parents[2]
FILES = {path.name: path.read_text() for path in sorted((ROOT / "docs" / "kubernetes").glob("*.yaml"))}
DOCUMENTS = {name: [each for each in yaml.safe_load_all(text) if each] for name, text in FILES.items()}
OBJECTS = {(each["kind"], each["metadata"]["name"]): each for each in DOCUMENTS["voicechat.yaml"]}
DEPLOYMENT = OBJECTS["Deployment", "voicechat"]["spec"]
POD = DEPLOYMENT["template"]["spec"]
(SERVER,) = POD["containers"]
RAY = DOCUMENTS["ray.yaml"][0]["spec"]
DOCKERFILE = parse(ROOT / "Dockerfile")
SECRETS = {
    "VOICECHAT_DATABASE_URL": "postgresql://user:password@host/voicechat",
    **{"VOICECHAT_API_KEY": "key", "VOICECHAT_LLM_API_KEY": "key"},
}
"""What a Secret may hold."""


def pods(document):
    """The specification of every pod in a manifest."""
    if isinstance(document, dict):
        if "containers" in document:
            yield document
        document = list(document.values())
    if isinstance(document, list):
        for each in document:
            yield from pods(each)


ALL_PODS = [pytest.param(pod, id=f"{name}-{n}") for name, each in DOCUMENTS.items() for n, pod in enumerate(pods(each))]


def variables(pod):
    """What the containers of a pod find, by name; `SECRETS` where a Secret says it."""
    found = {}
    for container in pod["containers"]:
        for source in container.get("envFrom", []):
            found |= OBJECTS["ConfigMap", source["configMapRef"]["name"]]["data"]
        found |= {each["name"]: each.get("value", SECRETS.get(each["name"])) for each in container["env"]}
    return found


def told(pod, kind, monkeypatch, tmp_path):
    """The settings that the server reads in a pod."""
    monkeypatch.chdir(tmp_path)
    for variable, value in variables(pod).items():
        monkeypatch.setenv(variable, value)
    return kind()


@pytest.mark.parametrize("name", FILES)
def test_variables_are_settings(name):
    """A variable that the server does not know would do nothing, one in a comment as well."""
    kind = RaySettings if name == "ray.yaml" else Settings
    assert {each.lower() for each in re.findall(r"VOICECHAT_(\w+)", FILES[name])} <= set(kind.model_fields)


def test_the_settings_of_a_server_can_be_read(monkeypatch, tmp_path):
    """It starts with these values."""
    assert told(POD, Settings, monkeypatch, tmp_path).port == SERVER["ports"][0]["containerPort"]


@pytest.mark.parametrize("pod", ALL_PODS)
def test_secrets_are_in_a_secret(pod):
    """Under the same name; it has what is not optional once the command has run that voicechat.yaml begins with."""
    for each in (each for container in pod["containers"] for each in container["env"]):
        assert ("valueFrom" in each) == (each["name"] in SECRETS)
        if "valueFrom" in each:
            secret = each["valueFrom"]["secretKeyRef"]
            assert secret["key"] == each["name"]
            assert f"create secret generic {secret['name']} " in FILES["voicechat.yaml"]
            assert f"--from-literal={secret['key']}=" in FILES["voicechat.yaml"] or secret.get("optional")


@pytest.mark.parametrize("name", FILES)
def test_images_are_built_from_the_dockerfile(name):
    """Every image is the tag of a build that the file begins with, whose target and extras exist."""
    builds = [shlex.split(line) for line in re.findall(r"#   (docker build .*)", FILES[name])]
    tags = {words[words.index("--tag") + 1] for words in builds}
    targets = {words[words.index("--target") + 1] for words in builds}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert targets <= set(DOCKERFILE.images)
    assert {word.partition("=")[2] for words in builds for word in words if word.startswith("EXTRAS=")} <= set(extras)
    assert {each["image"] for pod in pods(DOCUMENTS[name]) for each in pod["containers"]} == tags


@pytest.mark.parametrize("pod", ALL_PODS)
def test_a_pod_is_what_the_image_needs(pod):
    """The image's user and no more rights; requests and limits; every volume that is mounted; and no variables that
    Kubernetes makes up, which for a Service of this name would be settings."""
    assert pod["enableServiceLinks"] is False
    user = DOCKERFILE.last("cpu", "USER")
    rights = pod["securityContext"]
    assert rights["runAsNonRoot"] is True
    assert user is not None and f"{rights['runAsUser']}:{rights['runAsGroup']}" == user.value
    assert rights["fsGroup"] == rights["runAsGroup"]
    volumes = {each["name"] for each in pod.get("volumes", [])}
    for container in pod["containers"]:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]
        assert {each["name"] for each in container.get("volumeMounts", [])} <= volumes


def test_the_server_can_write_where_it_has_to():
    """With the rest of the image read-only, as in compose.yaml: the image's volumes and /tmp."""
    volume = DOCKERFILE.last("cpu", "VOLUME")
    assert SERVER["securityContext"]["readOnlyRootFilesystem"] is True
    assert volume is not None
    assert {each["mountPath"] for each in SERVER["volumeMounts"]} == {*volume.words, "/tmp"}


def test_probes_ask_the_server():
    """By paths that it has and at the port where it listens; it may take as long to start as the image allows it."""
    (port,) = SERVER["ports"]
    assert variables(POD)["VOICECHAT_PORT"] == str(port["containerPort"])
    asked = {name: SERVER[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
    assert {name: probe["httpGet"]["path"] for name, probe in asked.items()} == {
        **{"startup": "/health", "liveness": "/health", "readiness": "/ready"}
    }
    assert {"/health", "/ready"} <= {route.path for route in router.routes}
    assert {probe["httpGet"]["port"] for probe in asked.values()} == {port["name"]}
    check = DOCKERFILE.last("cpu", "HEALTHCHECK")
    assert check is not None and "--start-period=10m" in check.flags
    assert asked["startup"]["periodSeconds"] * asked["startup"]["failureThreshold"] == 600
    scraped = DEPLOYMENT["template"]["metadata"]["annotations"]
    assert scraped["prometheus.io/port"] == str(port["containerPort"])
    assert scraped["prometheus.io/path"] in {route.path for route in router.routes}


def test_turns_have_time_to_end():
    """What is left of the grace after the pause is what compose.yaml gives the server to stop."""
    stopping = SERVER["lifecycle"]["preStop"]["exec"]["command"]
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["voicechat"]["stop_grace_period"]
    assert stopping[0] == "sleep"
    assert POD["terminationGracePeriodSeconds"] - int(stopping[1]) >= int(compose.removesuffix("s"))


def test_selectors_select_the_servers():
    """Service, budget, spreading and scaling mean the pods of the Deployment."""
    labels = DEPLOYMENT["template"]["metadata"]["labels"]
    (spread,) = POD["topologySpreadConstraints"]
    service = OBJECTS["Service", "voicechat"]["spec"]
    assert DEPLOYMENT["selector"]["matchLabels"] == labels == service["selector"]
    assert OBJECTS["PodDisruptionBudget", "voicechat"]["spec"]["selector"]["matchLabels"] == labels
    assert spread["labelSelector"]["matchLabels"] == labels
    assert {port["targetPort"] for port in service["ports"]} == {port["name"] for port in SERVER["ports"]}


def test_servers_are_added():
    """By the processor, a share of what is requested; several are always there, and the budget lets one of them go."""
    scaler = OBJECTS["HorizontalPodAutoscaler", "voicechat"]["spec"]
    assert ("Deployment", scaler["scaleTargetRef"]["name"]) in OBJECTS and "replicas" not in DEPLOYMENT
    assert [each["resource"]["name"] for each in scaler["metrics"]] == ["cpu"]
    assert OBJECTS["PodDisruptionBudget", "voicechat"]["spec"]["maxUnavailable"] < scaler["minReplicas"]
    (better,) = re.findall(r"#\s+name: (voicechat_\w+)", FILES["voicechat.yaml"])
    assert f"# TYPE {better} gauge" in Metrics().text().decode()


def test_the_ingress_keeps_operators_paths_inside():
    """All goes to the server but what asks for no key; that goes where nobody answers."""
    (rule,) = OBJECTS["Ingress", "voicechat"]["spec"]["rules"]
    leads = {(each["path"], each["pathType"]): each["backend"]["service"] for each in rule["http"]["paths"]}
    for service in leads.values():
        ports = {port["name"] for port in OBJECTS["Service", service["name"]]["spec"]["ports"]}
        assert service["port"]["name"] in ports
    assert leads.pop(("/", "Prefix"))["name"] == "voicechat"
    assert {path for path, _ in leads} == {route.path for route in router.routes}
    (closed,) = {service["name"] for service in leads.values()}
    assert "selector" not in OBJECTS["Service", closed]["spec"]


def test_ray_serves_the_app():
    """By an import path that exists, at the root; on a head that runs no replica and keeps KubeRay's ports."""
    (app,) = yaml.safe_load(RAY["serveConfigV2"])["applications"]
    module, _, name = app["import_path"].partition(":")
    assert callable(getattr(import_module(module), name))
    assert app["route_prefix"] == "/"
    cluster = RAY["rayClusterConfig"]
    assert cluster["enableInTreeAutoscaling"] is True
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0" and RAY["excludeHeadPodFromServeSvc"] is True
    assert "ports" not in cluster["headGroupSpec"]["template"]["spec"]["containers"][0]


def test_ray_has_pods_for_what_it_runs(monkeypatch, tmp_path):
    """As many cores and GPUs as the settings ask for, few or many; pods with a GPU have the CUDA image; and pods stay
    until Ray has let their replicas end, which have their sessions as long."""
    cpu, gpu = RAY["rayClusterConfig"]["workerGroupSpecs"]
    for group, most in ((cpu, 0), (gpu, 1)):
        pod = group["template"]["spec"]
        (worker,) = pod["containers"]
        gpus = {kind: worker["resources"][kind].get("nvidia.com/gpu", 0) for kind in ("requests", "limits")}
        assert gpus == {"requests": most, "limits": most}
        assert worker["image"].endswith("-cuda") == bool(most)
        assert worker["readinessProbe"]["httpGet"] == {"path": "/-/healthz", "port": 8000}
        settings = told(pod, RaySettings, monkeypatch, tmp_path)
        drained = int(variables(pod)["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"])
        assert settings.drain_s <= drained < pod["terminationGracePeriodSeconds"]
        each = settings.engine_gpus if most else settings.replica_cpus / int(worker["resources"]["limits"]["cpu"])
        wanted = (
            (settings.min_engines, settings.max_engines) if most else (settings.min_replicas, settings.max_replicas)
        )
        assert (group["minReplicas"], group["maxReplicas"]) == (wanted[0] * each, wanted[1] * each)
        assert group["replicas"] == group["minReplicas"]

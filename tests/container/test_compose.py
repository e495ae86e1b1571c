"""compose.yaml, read by rules."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from backend.settings import Settings
from scripts.container import compose
from scripts.container.dockerfile import parse

ROOT = Path(__file__).resolve().parents[2]
FILE = yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_compose_keeps_to_the_rules():
    """The project's own file breaks none."""
    assert not compose.findings(ROOT / "compose.yaml")


@pytest.mark.parametrize(
    ("service", "key", "value", "said"),
    [
        ("voicechat", "profiles", ["x"], "only when asked"),
        ("voicechat", "read_only", False, "write into its image"),
        ("voicechat", "cap_drop", [], "capabilities"),
        ("voicechat", "ports", ["8000:8000"], "open to the network"),
        ("voicechat", "ports", ["0.0.0.0:8000:8000"], "open to the network"),
        ("voicechat", "volumes", ["./data:/data"], "no volume of this file"),
        ("voicechat", "depends_on", {"postgres": {"condition": "service_healthy"}}, "optional"),
        ("voicechat", "depends_on", {"llm": {"condition": "service_started", "required": False}}, "until llm is well"),
        ("voicechat", "environment", {"VOICECHAT_API_KEY": "abc"}, "stands in the file"),
        ("postgres", "environment", {"POSTGRES_PASSWORD": "${PASSWORD:-voicechat}"}, "stands in the file"),
        ("postgres", "image", "postgres", "another image tomorrow"),
        ("postgres", "image", "postgres:latest", "another image tomorrow"),
        ("postgres", "image", "postgres:17", "another image tomorrow"),
        ("postgres", "ports", ["127.0.0.1:5432:5432"], "reached from outside"),
        ("llm", "healthcheck", {"disable": True}, "whether it is well"),
        ("llm", "profiles", [], "unasked"),
        ("llm", "restart", None, "stays down"),
        ("llm", "security_opt", [], "gain privileges"),
        ("llm", "privileged", True, "more of the machine"),
        ("llm", "network_mode", "host", "more of the machine"),
    ],
)
def test_what_breaks_a_rule_is_found(tmp_path, service, key, value, said):
    """Each rule finds what it is there for, and nothing else."""
    document = copy.deepcopy(FILE)
    document["services"][service][key] = value
    if value is None:
        del document["services"][service][key]
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(document))
    (found,) = compose.findings(tmp_path / "compose.yaml")
    assert found.startswith(f"{service}: ") and said in found


def test_the_server_fits_its_image():
    """The image that is built exists, for the platform it can be built for; its volumes are mounted, its port is
    published, its settings are known."""
    service, dockerfile = FILE["services"]["voicechat"], parse(ROOT / "Dockerfile")
    target = service["build"]["target"]
    assert f"docker build --platform {service['platform']}" in (ROOT / "Dockerfile").read_text()
    volume, exposed = dockerfile.last(target, "VOLUME"), dockerfile.last(target, "EXPOSE")
    assert volume is not None and exposed is not None
    assert {mount.split(":")[1] for mount in service["volumes"]} == set(volume.words)
    assert {port.rpartition(":")[2] for port in service["ports"]} == {service["environment"]["VOICECHAT_PORT"]}
    assert exposed.words == [service["environment"]["VOICECHAT_PORT"]]
    assert set(service["environment"]) <= {f"VOICECHAT_{field.upper()}" for field in Settings.model_fields}

"""What this project's compose.yaml keeps to: what is in it can be run again tomorrow, and nothing but the server itself
can be reached from outside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVER = "voicechat"
_VERSION = re.compile(r"[^:@]+:[\w.-]*\d+\.\d+[\w.-]*")
_SECRET = re.compile(r"(?i)password|secret|token|key$")
_LOOPBACK = re.compile(r"(\$\{\w+:-)?127\.0\.0\.1:")


def findings(path: Path) -> list[str]:
    """Everything that breaks a rule, one sentence each."""
    document = yaml.safe_load(path.read_text())
    services: dict[str, dict[str, Any]] = document["services"]
    return [
        f"{name}: {found}"
        for name, service in services.items()
        for found in [*_any(service, document), *(_server(service) if name == SERVER else _other(service))]
    ]


def _any(service: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    if "restart" not in service:
        yield "it stays down when it has failed, or the machine restarted"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield "its processes may gain privileges"
    if service.get("privileged") or service.get("network_mode") == "host":
        yield "it has more of the machine than it needs"
    for name, value in service.get("environment", {}).items():
        if _SECRET.search(name) and value is not None:
            yield f"{name} stands in the file"
    yield from _leans_on(service, document)


def _leans_on(service: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    for volume in service.get("volumes", []):
        if volume.partition(":")[0] not in document.get("volumes", {}):
            yield f"{volume} is no volume of this file"
    for name, dependency in service.get("depends_on", {}).items():
        if dependency.get("condition") != "service_healthy":
            yield f"it does not wait until {name} is well"
        if "profiles" in document["services"].get(name, {}) and dependency.get("required") is not False:
            yield f"it needs {name}, which is optional"


def _server(service: dict[str, Any]) -> Iterator[str]:
    if "profiles" in service:
        yield "it runs only when asked for"
    if not service.get("read_only"):
        yield "it may write into its image"
    if service.get("cap_drop") != ["ALL"]:
        yield "it has capabilities"
    for port in service.get("ports", []):
        if not _LOOPBACK.match(str(port)):
            yield f"{port} is open to the network before anybody has said so"


def _other(service: dict[str, Any]) -> Iterator[str]:
    if not _VERSION.fullmatch(service.get("image", "")):
        yield f"{service.get('image')} may be another image tomorrow"
    if not service.get("profiles"):
        yield "it runs unasked"
    if "test" not in service.get("healthcheck", {}):
        yield "nobody sees whether it is well"
    if "ports" in service:
        yield "it can be reached from outside"

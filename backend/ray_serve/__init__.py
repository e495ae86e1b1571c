"""The app on Ray Serve: replicas that share one cast, one database and, for the Higgs voice, one engine.

`backend.ray_serve:build` is the import path of the application for Serve's configuration files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ray.serve import Application


def build(arguments: Mapping[str, Any]) -> Application:
    """The application with these settings; what is not given comes from `VOICECHAT_...` and `voicechat.toml` where
    this runs. Raises `ConfigurationError`."""
    from backend.ray_serve.deployments import application
    from backend.setting_options import read
    from backend.settings import RaySettings

    return application(read(arguments, RaySettings))

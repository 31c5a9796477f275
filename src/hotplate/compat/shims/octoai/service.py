"""`octoai.service`: the public names of octoai-sdk 0.10.1, given by `hotplate.authoring`."""

from hotplate.authoring import DEFAULT_VOLUME_PATH, Service, path, volume_environment, volume_path

STORE_ASSETS_NOT_OVERRIDDEN = "NOT_OVERRIDDEN"

__all__ = ["DEFAULT_VOLUME_PATH", "STORE_ASSETS_NOT_OVERRIDDEN", "Service", "path", "volume_path"]


def __getattr__(name: str) -> dict[str, str]:
    if name == "VOLUME_ENVIRONMENT":
        return volume_environment()
    raise AttributeError(f"module 'octoai.service' has no attribute {name!r}")

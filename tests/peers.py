"""Real packages of other systems, each in an environment of its own under .cache/peers, made on first use."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import tomllib
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "peers"
UV = Path(sys.executable).with_name("uv")


def octoai_python() -> Path:
    """The interpreter of an environment with octoai-sdk 0.10.1, and msgspec, so that our own code runs there too."""
    return _environment("octoai", "octoai-sdk==0.10.1", "msgspec")


def onnx_python() -> Path:
    """The interpreter of an environment with Hotplate, onnxruntime, and onnx to make models with."""
    return _environment("onnx", "onnxruntime", "onnx", "numpy", "--editable", str(CACHE.parent.parent))


def tensorflow_python() -> Path:
    """The interpreter of an environment with Hotplate and TensorFlow."""
    return _environment("tensorflow", "tensorflow-cpu", "--editable", str(CACHE.parent.parent))


def triton_python() -> Path:
    """The interpreter of an environment with NVIDIA's HTTP client for the Open Inference Protocol."""
    return _environment("tritonclient", "tritonclient[http]==2.61.0")


def inferless_python() -> Path:
    """The interpreter of an environment with the real inferless package, whose `call` is a client."""
    return _environment("inferless", "inferless==0.2.15", "requests", "numpy", "pydantic")


def deepaas_python() -> Path:
    """The interpreter of an environment with deepaas 2.6.0."""
    return _environment("deepaas", "deepaas==2.6.0", "setuptools<80")


def fastapi_python() -> Path:
    """The interpreter of an environment with FastAPI, which proxiML's endpoints were made of."""
    return _environment("fastapi", "fastapi==0.165.0", "httpx")


def proximl_python() -> Path:
    """The interpreter of an environment with the real proximl package."""
    return _environment("proximl", "proximl==1.0.2", "setuptools<80")


def marshmallow3_python() -> Path:
    """The interpreter of an environment with what DEEPaaS's models pin: marshmallow 3 and webargs 5; and Hotplate."""
    return _environment("marshmallow3", "marshmallow==3.26.2", "webargs==5.5.3", "-e", str(CACHE.parent.parent))


def openai_python() -> Path:
    """The interpreter of an environment with OpenAI's own client."""
    return _environment("openai", "openai==3.57.0")


def mcp_python() -> Path:
    """The interpreter of an environment with the official client of the Model Context Protocol."""
    return _environment("mcp", "mcp==2.3.0")


def moto_python() -> Path:
    """The interpreter of an environment with moto's server, which speaks S3's protocol."""
    return _environment("moto", "moto[server]==5.2.5")


def clients_python() -> Path:
    """The interpreter of an environment with Hotplate and the HTTP clients that authors use."""
    return _environment("clients", "requests", "httpx", "aiohttp", "--editable", str(CACHE.parent.parent))


def ray_python() -> Path:
    """The interpreter of an environment with what the extra `ray` is, in the version of the lock; without Hotplate."""
    root = CACHE.parent.parent
    extra = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]["ray"]
    locked = tomllib.loads((root / "uv.lock").read_text())["package"]
    version = next(package["version"] for package in locked if package["name"] == "ray")
    return _environment("ray", *extra, f"ray=={version}")


def kubernetes_python() -> Path:
    """The interpreter of an environment with the schemas of Kubernetes, of KEDA's and Knative's objects, and Helm."""
    return _environment(
        "kubernetes",
        "kubernetes-validate==1.37.0",
        "cloudcoil-models-keda==2.16.1.0",
        "cloudcoil-models-knative-serving==1.17.0.1",
        "helm-python-sdk==0.2.2",
    )


def _environment(name: str, *packages: str) -> Path:
    CACHE.mkdir(parents=True, exist_ok=True)
    python = CACHE / name / "bin" / "python"
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes that start together make it once
        ready = CACHE / name / ".ready"
        if not ready.exists() or ready.read_text() != "\n".join(packages):
            subprocess.run([UV, "venv", "--quiet", "--clear", CACHE / name], check=True)
            subprocess.run(
                [UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *packages], check=True
            )
            ready.write_text("\n".join(packages))
    return python

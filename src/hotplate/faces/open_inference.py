"""The Open Inference Protocol v2 over HTTP, as Triton serves it: named tensors in, named tensors out.

Every route is a model: the one at `/infer`, else the first, has the project's name, each other one its function's
name. Parameters are inputs of their own name (`contract/tensors.py` says of which datatype and shape); the members of
a returned dict are outputs, any other value is the output `output`. Besides `infer` there are Triton's `generate` and
`generate_stream` (protocol/extension_generate.md), the binary tensor data extension and the model repository.
Where it differs from Triton is listed in docs/coming-from-inferless.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from hotplate.contract import Contract, Mount, Route
from hotplate.contract.tensors import Tensor, tensor_of
from hotplate.dialects.base import Call
from hotplate.faces.open_inference_codec import OpenInferenceCodec
from hotplate.faces.open_inference_document import operation

NAME: Final = "open_inference"
VERSION: Final = "1"
HEADER_LENGTH: Final = "inference-header-content-length"
EXTENSIONS: Final = ("binary_tensor_data", "generate", "model_repository")

_encode = msgspec.json.Encoder().encode


class OpenInferenceFace:
    """Named tensors, as `tritonclient` and Inferless's callers send them."""

    name = NAME
    headers = (HEADER_LENGTH,)
    stream_content_type = "text/event-stream; charset=utf-8"

    def mounts(self, contract: Contract) -> tuple[Mount, ...]:
        """The server's own paths, and those of every model, with and without a version."""
        found = [
            _fixed("GET", "/v2", {"name": "hotplate", "version": "2", "extensions": EXTENSIONS}),
            _fixed("GET", "/v2/health/live", {"live": True}),
            _ready("GET", "/v2/health/ready"),
        ]
        index: list[dict[str, str]] = []
        for number, (route, model) in enumerate(zip(contract.routes, model_names(contract), strict=True)):
            found += _model(number, route, model)
            index.append({"name": model, "version": VERSION, "state": "READY", "reason": ""})
        found.append(_fixed("POST", "/v2/repository/index", index))
        found.append(_fixed("POST", "/v2/*", {"error": "There is no such model or path."}, status=404))
        return tuple(found)

    def codec(self, call: Call, mount: Mount | None = None) -> OpenInferenceCodec:
        """Make the codec of one mounted route."""
        model, _, variant = (mount.variant if mount is not None else "").rpartition(" ")
        return OpenInferenceCodec(call, model or call.route.name, variant or "infer")


def model_names(contract: Contract) -> list[str]:
    """Name the model of every route: the main one is called as the project."""
    routes = contract.routes
    main = next((number for number, route in enumerate(routes) if route.path == "/infer"), 0)
    names = [route.name for route in routes]
    if routes:
        names[main] = contract.name or names[main]
    for number, name in enumerate(names):
        if name in names[:number]:
            names[number] = routes[number].path.strip("/").replace("/", "-")
    return names


def _model(number: int, route: Route, model: str) -> Iterator[Mount]:
    metadata = _metadata(route, model)
    for base in (f"/v2/models/{model}", f"/v2/models/{model}/versions/{VERSION}"):
        yield _fixed("GET", base, metadata)
        yield _fixed("GET", f"{base}/config", _config(route, model, metadata))
        yield _ready("GET", f"{base}/ready")
        for variant in ("infer", "generate_stream") if route.stream else ("infer", "generate", "generate_stream"):
            yield Mount(
                method="POST",
                path=f"{base}/{variant}",
                face=NAME,
                call=number,
                variant=f"{model} {variant}",
                wants=(HEADER_LENGTH,),
                error_key="error",
                operation=operation(route, model, variant, metadata) if "/versions/" not in base else None,
            )
    for action in ("load", "unload"):
        yield _repository(model, action)


def _repository(model: str, action: str) -> Mount:
    """A model is loaded as long as its endpoint runs. To load it again is fine; to unload it is the operator's."""
    path = f"/v2/repository/models/{model}/{action}"
    if action == "load":
        refusal = _encode({"error": f"failed to load '{model}': it is not ready"}).decode()
        return Mount(method="POST", path=path, face=NAME, state="ready", answer="", refusal=refusal)
    text = f"failed to unload '{model}': it is loaded as long as its endpoint runs. Stop the endpoint to unload it."
    return _fixed("POST", path, {"error": text}, status=400)


def _metadata(route: Route, model: str) -> dict[str, Any]:
    batched = route.batching is not None
    return {
        "name": model,
        "versions": [VERSION],
        "platform": "hotplate",
        "inputs": [
            {
                **_described(param.name, tensor_of(param.type.schema), batched),
                **({} if param.required else {"optional": True}),
            }
            for param in route.params
        ],
        "outputs": [_described(name, tensor, batched) for name, tensor in outputs_of(route).items()],
    }


def outputs_of(route: Route) -> Mapping[str, Tensor]:
    """The outputs as far as the contract tells them: a dict's members may only be known when it is returned."""
    schema = route.returns.schema
    properties: Any = schema.get("properties")
    if isinstance(properties, Mapping):
        return {str(name): tensor_of(each) for name, each in properties.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if schema.get("type") == "object":
        return {}
    return {"output": tensor_of(schema)}


def _described(name: str, tensor: Tensor, batched: bool) -> dict[str, Any]:
    return {"name": name, "datatype": tensor.datatype, "shape": [*([-1] if batched else []), *tensor.shape]}


def _config(route: Route, model: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Triton's model configuration, as far as its clients read it."""

    def tensors(kind: str) -> list[dict[str, Any]]:
        return [
            {
                "name": each["name"],
                "data_type": "TYPE_" + ("STRING" if each["datatype"] == "BYTES" else each["datatype"]),
                "dims": each["shape"],
                **({"optional": True} if each.get("optional") else {}),
            }
            for each in metadata[kind]
        ]

    config: dict[str, Any] = {
        "name": model,
        "platform": "hotplate",
        "backend": "hotplate",
        "max_batch_size": route.batching.max_size if route.batching else 0,
        "input": tensors("inputs"),
        "output": tensors("outputs"),
        "model_transaction_policy": {"decoupled": route.stream},
    }
    if route.batching is not None:
        delay_us = round(route.batching.max_wait_ms * 1000)
        config["dynamic_batching"] = {
            "preferred_batch_size": [route.batching.max_size],
            "max_queue_delay_microseconds": delay_us,
        }
    return config


def _fixed(method: str, path: str, answer: Any, status: int = 200) -> Mount:
    text = _encode(answer).decode()
    return Mount(method=method, path=path, face=NAME, answer=text, status=status, error_key="error")


def _ready(method: str, path: str) -> Mount:
    ready, not_ready = _encode({"ready": True}).decode(), _encode({"error": "The model is not ready."}).decode()
    return Mount(method=method, path=path, face=NAME, state="ready", answer=ready, refusal=not_ready, error_key="error")

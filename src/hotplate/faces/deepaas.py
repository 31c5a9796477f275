"""The deepaas face: the HTTP API of DEEPaaS 2.6.0 (its V2 API), for models of the entry_point dialect.

What it answers was compared, request by request, with that server; where it differs on purpose is listed with the
reasons in docs/coming-from-deepaas.md.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import structs

from hotplate.contract import Contract, Mount, Refusals
from hotplate.dialects.base import Call
from hotplate.errors import SettingError
from hotplate.faces import deepaas_documents as documents
from hotplate.faces.deepaas_codec import JSON, TEXT, DeepaasCodec
from hotplate.faces.deepaas_training import TrainingCodec

NOT_ENABLED = "402: Payment Required"


class DeepaasFace:
    """DEEPaaS's shape."""

    name = "deepaas"
    headers = ("accept", "content-encoding", "cookie")
    stream_content_type = "application/json"
    refusals = Refusals(
        content_type=TEXT, not_found="404: Not Found", not_allowed="405: Method Not Allowed", slash="append"
    )

    def mounts(self, contract: Contract) -> tuple[Mount, ...]:
        """Every path of DEEPaaS's server. Raises SettingError for a contract without its arguments."""
        if contract.dialect != "entry_point":
            text = f"The deepaas face is for models with entry points; this project is written as {contract.dialect}."
            raise SettingError(text, key="faces", hint="Leave deepaas out of `faces`.")
        return tuple(_Paths(contract).all())

    def codec(self, call: Call, mount: Mount | None = None) -> DeepaasCodec:
        """Make the codec of one route."""
        return TrainingCodec(call) if mount is not None and mount.job else DeepaasCodec(call)


class _Paths:
    """Makes the mounts of one contract."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._facts = contract.facts
        self._base: str = self._facts.get("base_path", "")
        self._models: list[dict[str, Any]] = self._facts.get("models", [])
        self._documents: bool = self._facts.get("doc_endpoint", True)

    def all(self) -> list[Mount]:
        base = self._base
        version = {
            "version": "stable",
            "id": "v2",
            "links": [{"rel": "self", "type": "application/json", "href": f"{base}/v2/"}],
        }
        links = [{"rel": "help", "type": "text/html", "href": f"{base}/api"}] if self._documents else []
        links.append({"rel": "describedby", "type": "application/json", "href": f"{base}/swagger.json"})
        found = [
            self._json("" if base else "/", {"versions": [version], "links": links}),
            self._json("/v2/", version),
            self._fixed("GET", "/v2/debug/", status=204),
            self._json("/swagger.json", documents.swagger(self._contract)),
        ]
        if self._documents:
            found.append(self._redirect("/api", "/docs"))
            found.append(self._redirect("/ui", f"{base}/api"))
        described: list[dict[str, Any]] = []
        for model in self._models:
            found += self._of_model(model, described)
        return [*found, self._json("/v2/models/", {"models": described})]

    def _of_model(self, model: dict[str, Any], described: list[dict[str, Any]]) -> list[Mount]:
        name = model["name"]
        path = f"/v2/models/{name}"
        # As in DEEPaaS, the model's own id, name and links stand above these.
        own = {"id": name, "name": name, "links": [{"rel": "self", "href": f"{self._base}{path}"}]}
        metadata = model["metadata"]
        if metadata is None:
            found = [self._fixed("GET", f"{path}/", "500: get_metadata() failed, check server logs.", status=500)]
        else:
            found = [self._json(f"{path}/", {**own, **metadata})]
        described.append({**own, **(metadata or {})})
        for verb in ("predict", "train"):
            found += self._of_verb(name, verb, trains=verb == "train" and bool(model.get("trains")))
        return found

    def _of_verb(self, name: str, verb: str, *, trains: bool) -> list[Mount]:
        path = f"/v2/models/{name}/{verb}/"
        if not self._facts.get(f"{verb}_endpoint", True):
            methods = ("POST",) if verb == "predict" else ("POST", "GET")
            return [self._fixed(method, path, NOT_ENABLED, status=402) for method in methods]
        index = next(i for i, each in enumerate(self._contract.routes) if each.name == f"{name}.{verb}")
        route = self._contract.routes[index]
        wants = ["content-encoding"]
        wants += ["accept"] if any(param.name == "accept" for param in route.params) else []
        wants += [param.name.lower() for param in route.params if param.location == "headers"]
        wants += ["cookie"] if any(param.location == "cookies" for param in route.params) else []
        found = [
            Mount(
                method=route.method,
                path=f"{self._base}{path}",
                face="deepaas",
                call=index,
                wants=tuple(dict.fromkeys(wants)),
                operation=documents.operation(route, name, verb),
                job="deepaas" if trains else "",
            )
        ]
        if verb == "train":
            listed = self._json(path, [])
            found.append(structs.replace(listed, job="deepaas"))
            found.append(structs.replace(listed, path=f"{listed.path}*", job="deepaas"))
        return found

    def _json(self, path: str, value: Any) -> Mount:
        return self._fixed("GET", path, json.dumps(value, default=str), content_type=JSON)

    def _redirect(self, path: str, place: str) -> Mount:
        return self._fixed("GET", path, "302: Found", status=302, headers=(("location", place),))

    def _fixed(self, method: str, path: str, answer: str = "", content_type: str = TEXT, **more: Any) -> Mount:
        return Mount(
            method=method, path=f"{self._base}{path}", face="deepaas", answer=answer, content_type=content_type, **more
        )

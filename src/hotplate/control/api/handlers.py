"""What routes do that is more than one function of control: waiting for rollouts, names in bodies, small answers."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from hotplate import __version__
from hotplate.control import deployments, endpoints, revisions
from hotplate.control.api.access import check_endpoint_access
from hotplate.control.api.route import Call
from hotplate.control.server_link import read_state
from hotplate.control.settings import refused
from hotplate.control.supervisor import read_url
from hotplate.deployment.hardware import profiles


def create_endpoint(call: Call) -> Any:
    given = dict(call.body)
    name = given.pop("name", None)
    if not isinstance(name, str):
        raise refused("name", "must be a text.")
    check_endpoint_access(call.caller, name)
    return endpoints.create_endpoint(call.plane, call.caller, name, given)


def list_endpoints(call: Call) -> Any:
    return endpoints.list_endpoints(call.plane, call.caller)


def get_endpoint(call: Call) -> Any:
    return endpoints.get_endpoint(call.plane, call.path["name"])


def update_endpoint(call: Call) -> Any:
    return _changed(call, call.body)


def delete_endpoint(call: Call) -> Any:
    return endpoints.delete_endpoint(call.plane, call.caller, call.path["name"])


def pause_endpoint(call: Call) -> Any:
    return _changed(call, {"endpoint_state": "disabled"})


def start_endpoint(call: Call) -> Any:
    return _changed(call, {"endpoint_state": "active"})


def _changed(call: Call, change: Any) -> Any:
    found = endpoints.update_endpoint(call.plane, call.caller, call.path["name"], change)
    call.rollouts.wake()
    return found


async def deploy_revision(call: Call) -> Any:
    name = call.path["name"]
    await asyncio.to_thread(deployments.deploy, call.plane, call.caller, name, call.body)
    return await _waited(call, name, call.body.wait_s)


async def split_traffic(call: Call) -> Any:
    name = call.path["name"]
    await asyncio.to_thread(deployments.split, call.plane, call.caller, name, call.body)
    return await _waited(call, name, call.body.wait_s)


async def rollback_endpoint(call: Call) -> Any:
    name = call.path["name"]
    await asyncio.to_thread(deployments.rollback, call.plane, call.caller, name, call.body)
    return await _waited(call, name, call.body.wait_s)


async def _waited(call: Call, name: str, seconds: float) -> Any:
    call.rollouts.wake()
    if seconds:
        await call.rollouts.wait(name, seconds)
    return await asyncio.to_thread(endpoints.get_endpoint, call.plane, name)


def list_revisions(call: Call) -> Any:
    return revisions.list_revisions(call.plane, call.path["name"])


def list_deployments(call: Call) -> Any:
    return deployments.list_deployments(call.plane, call.path["name"])


def get_account(call: Call) -> Any:
    return {
        "id": call.caller.id,
        "name": call.caller.name,
        "scopes": list(call.caller.scopes),
        "endpoints": list(call.caller.endpoints),
        "expires_at": call.caller.expires_at,
    }


def get_status(call: Call) -> Any:
    row = call.plane.database.row("SELECT count(*) FROM endpoints")
    return {
        "version": __version__,
        "server": "away" if read_state(call.plane.home.server_socket) is None else "running",
        "url": read_url(call.plane.home),
        "endpoints": row[0] if row else 0,
    }


def list_instance_types(_call: Call) -> Any:
    return [
        {
            "instance_name": each.profile,
            "vcpu": each.cpus,
            "ram": each.memory_bytes,
            "accelerator": "gpu" if each.gpus else "none",
            "gpus": each.gpus,
        }
        for each in profiles().values()
    ]


def encode(value: Any) -> bytes:
    """An answer as JSON."""
    return msgspec.json.encode(value)

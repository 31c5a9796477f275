"""Routes over what is kept beside endpoints: tokens, secrets, registry credentials, events, the audit log."""

from __future__ import annotations

from typing import Any

from hotplate.control import events, ledger, registry_credentials, secrets, tokens
from hotplate.control.api.route import Call
from hotplate.control.endpoints import read_row
from hotplate.control.span import read_count, read_span


def create_token(call: Call) -> Any:
    return tokens.create_token(call.plane, call.caller, call.body)


def list_tokens(call: Call) -> Any:
    return tokens.list_tokens(call.plane)


def get_token(call: Call) -> Any:
    return tokens.get_token(call.plane, call.path["id"])


def revoke_token(call: Call) -> Any:
    return tokens.revoke_token(call.plane, call.caller, call.path["id"])


def create_secret(call: Call) -> Any:
    return secrets.create_secret(call.plane, call.caller, call.body)


def list_secrets(call: Call) -> Any:
    return secrets.list_secrets(call.plane)


def get_secret(call: Call) -> Any:
    return secrets.get_secret(call.plane, call.path["key"])


def update_secret(call: Call) -> Any:
    return secrets.update_secret(call.plane, call.caller, call.path["key"], call.body)


def delete_secret(call: Call) -> Any:
    return secrets.delete_secret(call.plane, call.caller, call.path["key"])


def create_registry_credential(call: Call) -> Any:
    return registry_credentials.create_registry_credential(call.plane, call.caller, call.body)


def list_registry_credentials(call: Call) -> Any:
    return registry_credentials.list_registry_credentials(call.plane)


def get_registry_credential(call: Call) -> Any:
    return registry_credentials.get_registry_credential(call.plane, call.path["key"])


def update_registry_credential(call: Call) -> Any:
    return registry_credentials.update_registry_credential(call.plane, call.caller, call.path["key"], call.body)


def delete_registry_credential(call: Call) -> Any:
    return registry_credentials.delete_registry_credential(call.plane, call.caller, call.path["key"])


def list_events(call: Call) -> Any:
    return events.read_events(call.plane, call.caller, None, read_span(call.query))


def get_events(call: Call) -> Any:
    return events.read_events(call.plane, call.caller, call.path["name"], read_span(call.query))


def get_decisions(call: Call) -> Any:
    name = call.path["name"]
    read_row(call.plane, name)
    return events.read_decisions(call.plane, name, read_count(call.query.get("limit"), "limit", 20))


def get_audit(call: Call) -> Any:
    return ledger.read_audit(call.plane.database, read_count(call.query.get("limit"), "limit", 100))

"""What a project offers, as pure data, and its OpenAPI document."""

from hotplate.contract.types import (
    Batching,
    Body,
    Contract,
    Kind,
    Lifecycle,
    Limits,
    Mount,
    Param,
    Refusals,
    Route,
    Source,
    TypeSpec,
)

__all__ = [
    "Batching",
    "Body",
    "Contract",
    "Kind",
    "Lifecycle",
    "Limits",
    "Mount",
    "Param",
    "Refusals",
    "Route",
    "Source",
    "TypeSpec",
]

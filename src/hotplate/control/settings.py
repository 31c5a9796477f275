"""What an endpoint is configured with, as the API has it: OctoAI's field names where it has one (its OpenAPI document).

A change is a JSON merge patch (RFC 7396): a field that is null goes back to its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, cast

import msgspec
from msgspec import Meta

from hotplate.config.settings import SETTINGS
from hotplate.config.suggest import did_you_mean
from hotplate.config.values import parse_text
from hotplate.deployment.hardware import find_hardware
from hotplate.deployment.names import check_secret, check_variable, check_volume
from hotplate.deployment.records import Hardware, Limit, Scaling, Target, Template
from hotplate.errors import InvalidInput, JobError, SettingError, TargetRefused

T = TypeVar("T")

OVERRIDABLE = (
    "slots",
    "queue_size",
    "timeout_s",
    "setup_timeout_s",
    "max_body_bytes",
    "max_upload_bytes",
    "job_timeout_s",
    "job_attempts",
    "job_crashes",
    "max_jobs",
    "webhook",
    "webhook_events",
    "ray_placement",
    "ray_runtime_env",
)
"""Settings of the server that each endpoint may have its own value of."""

STARTED_WITH = (
    *("instance_type", "env_overrides", "container_secrets", "volume", "template", "limits", "target"),
    "endpoint_state",
)
"""Fields whose change takes other replicas: it is rolled out, and taken back where they do not run."""

MAX_VARIABLES = 256
MAX_SECRETS = 64

Replicas = Annotated[int, Meta(ge=0, le=999)]
Seconds = Annotated[float, Meta(ge=0, le=86_400)]


class Autoscaling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the number of replicas follows the load. All but `policy` and `window_s` count for `cortex` alone."""

    policy: Literal["concurrency", "cortex"] = "concurrency"
    window_s: Annotated[float, Meta(ge=1, le=86_400)] = 60.0
    downscale_stabilization_period_s: Seconds = 300.0
    upscale_stabilization_period_s: Seconds = 60.0
    max_downscale_factor: Annotated[float, Meta(ge=0, lt=1)] = 0.75
    max_upscale_factor: Annotated[float, Meta(gt=1, le=1000)] = 1.5
    downscale_tolerance: Annotated[float, Meta(ge=0, lt=1)] = 0.05
    upscale_tolerance: Annotated[float, Meta(ge=0, le=1000)] = 0.05


class EndpointSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about an endpoint that is not code. `scale_to_zero` is how many quiet seconds end a replica."""

    display_name: Annotated[str, Meta(max_length=200)] = ""
    description: Annotated[str, Meta(max_length=4000)] = ""
    endpoint_state: Literal["active", "disabled"] = "active"
    visibility: Literal["private", "public"] = "private"
    min_replicas: Replicas = 0
    max_replicas: Replicas = 3
    initial_replicas: Replicas | None = None
    scale_to_zero: Seconds = 300.0
    concurrency_per_replica: Annotated[int, Meta(ge=1, le=30_000)] | None = None
    instance_type: Annotated[str, Meta(max_length=200)] = "cpu"
    env_overrides: dict[str, Annotated[str, Meta(max_length=32_768)]] = {}
    container_secrets: list[str] = []
    volume: str = ""
    template: Template = "auto"
    keep_template_s: Seconds = 900.0
    autoscaling: Autoscaling = Autoscaling()
    limits: dict[str, Limit] = {}
    abort_error_rate: Annotated[float, Meta(gt=0, le=1)] | None = None
    target: Target | None = None

    def scaling(self) -> Scaling:
        """The part that the autoscaler reads."""
        return Scaling(
            min_replicas=self.min_replicas,
            max_replicas=self.max_replicas,
            initial_replicas=self.initial_replicas,
            concurrency=self.concurrency_per_replica,
            scale_down_delay_s=self.scale_to_zero,
            template=self.template,
            keep_template_s=self.keep_template_s,
            **msgspec.structs.asdict(self.autoscaling),
        )

    def hardware(self) -> Hardware:
        """The limits of one replica."""
        return find_hardware(self.instance_type)


def read_settings(given: Mapping[str, Any], base: EndpointSettings | None = None) -> EndpointSettings:
    """Read settings, or a change of them, and check all that can be checked without the database.

    Raises:
        InvalidInput: with one item of details for what is wrong.
    """
    merged: dict[str, Any] = msgspec.to_builtins(base or EndpointSettings())
    for name, value in given.items():
        if name not in merged:
            raise refused(name, f"There is no field `{name[:60]}`. {did_you_mean(name, merged) or ''}".strip())
        merged[name] = merge(merged[name], value) if name == "autoscaling" else value
    fields = {name: value for name, value in merged.items() if value is not None}
    settings = convert(fields, EndpointSettings)
    _check_replicas(settings)
    _check_names(settings)
    _check_limits(settings.limits)
    return settings


def merge(old: Any, new: Any) -> Any:
    """RFC 7396, one level: null takes a field away."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    both = {**cast("dict[str, Any]", old), **cast("dict[str, Any]", new)}
    return {name: value for name, value in both.items() if value is not None}


def convert(value: Any, kind: type[T]) -> T:
    """A value as a record of this kind, or InvalidInput with the place and the reason."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at `$")
        raise refused(place.rstrip("`").lstrip("."), said) from None


def refused(place: str, message: str) -> InvalidInput:
    """An InvalidInput about one field."""
    loc = ["body", *(part for part in place.replace("[", ".").replace("]", "").split(".") if part)]
    text = f"`{place}`: {message}" if place and f"`{place}`" not in message else message
    return InvalidInput(text, details=[{"type": "value_error", "loc": loc, "msg": message}])


def _check_replicas(settings: EndpointSettings) -> None:
    low, high, first = settings.min_replicas, settings.max_replicas, settings.initial_replicas
    if high < 1:
        raise refused("max_replicas", "An endpoint needs at least 1; to stop all replicas, pause it.")
    if low > high:
        raise refused("min_replicas", f"min_replicas ({low}) is above max_replicas ({high}).")
    if first is not None and not low <= first <= high:
        raise refused("initial_replicas", f"initial_replicas ({first}) is not within {low} to {high}.")


def _check_names(settings: EndpointSettings) -> None:
    if len(settings.env_overrides) > MAX_VARIABLES:
        raise refused("env_overrides", f"At most {MAX_VARIABLES} variables.")
    if len(settings.container_secrets) > MAX_SECRETS:
        raise refused("container_secrets", f"At most {MAX_SECRETS} secrets.")
    for name, value in settings.env_overrides.items():
        check_variable(name)
        if "\0" in value:
            raise refused(f"env_overrides.{name}", "A variable cannot hold a NUL.")
    for key in settings.container_secrets:
        check_secret(key)
    if settings.volume:
        check_volume(settings.volume)
    try:
        parse_text(settings.display_name)
    except ValueError as error:
        raise refused("display_name", str(error)) from None
    try:
        settings.hardware()
    except (InvalidInput, SettingError) as error:  # hardware.yaml may be wrong as well: it is the operator's
        raise refused("instance_type", error.message) from None


def _check_limits(limits: Mapping[str, Limit]) -> None:
    for name, value in limits.items():
        if name not in OVERRIDABLE:
            raise refused(f"limits.{name}", did_you_mean(name, OVERRIDABLE) or f"Known are {', '.join(OVERRIDABLE)}.")
        setting = SETTINGS[name]
        if value is None:
            continue
        if setting.group == "ray":
            _check_ray(name, value)
            continue
        if setting.kind in ("text", "list"):
            _check_webhook(name, value)
            continue
        if not isinstance(value, int) and (setting.kind != "seconds" or not isinstance(value, float)):
            raise refused(f"limits.{name}", "must be a whole number.")
        if setting.low is not None and setting.high is not None and not setting.low <= value <= setting.high:
            raise refused(f"limits.{name}", f"must be {setting.low:g} to {setting.high:g}.")


def _check_ray(name: str, value: Limit) -> None:
    from hotplate.targets.ray.wishes import runtime_env, strategy_of

    if not isinstance(value, str):
        raise refused(f"limits.{name}", "must be a text.")
    try:
        strategy_of({name: value})
        runtime_env({name: value})
    except TargetRefused as error:
        raise refused(f"limits.{name}", error.message) from None


def _check_webhook(name: str, value: Limit) -> None:
    """`webhook` and `webhook_events`: what a submit would be refused for is refused here."""
    from hotplate.jobs.webhooks import check_url, events_of

    try:
        if name == "webhook":
            if not isinstance(value, str):
                raise JobError("must be a URL.")
            if value:
                check_url(value)
        elif isinstance(value, str) or not isinstance(value, tuple | list):
            raise JobError("must be a list of events.")
        else:
            events_of(",".join(value))
    except JobError as error:
        raise refused(f"limits.{name}", error.message) from None

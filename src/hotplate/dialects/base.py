"""What every dialect is: a way to recognise, describe and load a project.

`match` and `describe` read files and syntax trees only and may run anywhere; `load` imports the project and runs
in a worker alone. A dialect knows nothing of HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, cast

import msgspec

from hotplate.contract import Contract, Route


class _Missing:
    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""Stands for: the parameter has no default."""


class _Absent:
    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"

    def __reduce__(self) -> str:
        return "ABSENT"  # a copy is the same object


ABSENT: Final = _Absent()
"""Stands for: the call did not give this value, and the author gave no default. The function leaves it out."""


class Refused(ValueError):
    """A value that an `Argument` does not take. `messages` is a list of texts, or texts by item or member."""

    def __init__(self, messages: Any) -> None:
        super().__init__(str(messages))
        self.messages = messages


class Argument:
    """A parameter that the author's own library validates, as metadata of an annotation: `Annotated[Any, Argument()]`.

    `load` turns JSON, text or ABSENT into the value (maybe ABSENT), or raises Refused. `key` is the name on the wire,
    `location` the one place to look (see `Param.location`), `many` says that a name may be given several times.
    Values of the type `exact` need no `load`: it would give them back as they are.
    """

    __slots__ = ("exact", "key", "load", "location", "many")

    def __init__(
        self,
        load: Callable[[Any], Any],
        *,
        key: str,
        location: str = "",
        many: bool = False,
        exact: type | None = None,
    ) -> None:
        self.load = load
        self.key = key
        self.location = location
        self.many = many
        self.exact = exact

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """How faces that validate with pydantic do so: by `load`, and media by its own class."""
        if source is not Any:
            return handler(source)
        from pydantic_core import ValidationError, core_schema

        def load(raw: Any) -> Any:
            try:
                return self.load(raw)
            except Refused as error:
                items = [_item(text, place, raw) for place, text in _texts(error.messages)]
                raise ValidationError.from_exception_data(self.key, items) from None

        return core_schema.no_info_plain_validator_function(load)


def _texts(messages: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text of a Refused's messages, with its place in the value."""
    if isinstance(messages, Mapping):
        for key, inner in cast("Mapping[str | int, Any]", messages).items():
            yield from _texts(inner, place if key == "_schema" else (*place, key))
    elif isinstance(messages, list | tuple):
        for inner in cast("list[Any]", messages):
            yield from _texts(inner, place)
    else:
        yield place, str(messages)


def _item(text: str, place: tuple[str | int, ...], given: Any) -> Any:
    from pydantic_core import PydanticCustomError

    shown = given
    for key in place:
        try:
            shown = shown[key]
        except (TypeError, KeyError, IndexError):
            break
    return {"type": PydanticCustomError("invalid_argument", text), "loc": place, "input": shown}  # pyright: ignore[reportArgumentType]


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A folder with a user's model code, and what the command line or the project file says of it.

    `targets` are `model.py:predict` as typed, for the function dialect. `service_module` is dotted and relative
    to `root`. `faces` are those that the project turns on besides its dialect's own. `name` and `description` are
    those of the endpoint, where the author has given them. `api` names one of several that the project's own file
    lists. `env` is what was set for the worker on the command line or in `hotplate.yaml`.
    """

    root: Path
    targets: tuple[str, ...] = ()
    service_module: str | None = None
    service_class: str | None = None
    faces: tuple[str, ...] = ()
    api: str | None = None
    env: Mapping[str, str] = {}
    options: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    """What was said to one dialect alone, by its own names (`entry_point`, `base_path`)."""
    name: str = ""
    description: str = ""

    @property
    def endpoint_name(self) -> str:
        """The author's name for the endpoint, or the folder's."""
        return self.name or self.root.resolve().name


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why a dialect matched. `file` is relative to the project's folder."""

    file: str
    line: int
    text: str


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A dialect that fits a project. `entry` is what would be loaded: `service:HelloService`, `model:predict`.

    `store_assets` says that the text has this hook: hubs' caches are then to be in the volume before it is imported.
    """

    dialect: str
    entry: str
    evidence: tuple[Evidence, ...]
    store_assets: bool = False


class ValueReader:
    """Stands in an `Annotated` hint and makes the value of what came in: `dialects/arrays.py`."""

    __slots__ = ()
    lenient: bool
    """Whether what the function gives is written as it is, as where no hint says what it is."""

    def read(self, value: Any) -> Any:
        """Give the value. Raises ValueError for what does not fit, pydantic's where it is to be told to the caller."""
        raise NotImplementedError


def reader_of(annotation: Any) -> ValueReader | None:
    """The reader of a hint that says nothing else."""
    notes = getattr(annotation, "__metadata__", ())
    return notes[0] if len(notes) == 1 and isinstance(notes[0], ValueReader) else None


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of a loaded callable: its real annotation (hints resolved) and its default or MISSING."""

    name: str
    annotation: Any
    default: Any = MISSING


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A route bound to the callable behind it. `function` takes its values positionally, in the order of `parameters`.

    For a batched route `function` takes one list per parameter and returns a list, while `parameters` and
    `returns` are those of one item.
    """

    route: Route
    function: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    returns: Any


Sink = Callable[[str, str, float, dict[str, str]], None]
"""Takes a value that the author's code counts: `counter`, `gauge` or `histogram`, its name, the value, labels."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A project after its import: the contract, one call per route in the same order, and the hooks it has.

    `metrics` is given the sink for the author's own metrics before `setup` runs, where the dialect has any. `names` has
    what the author calls a hook, where that is another name than its field's here: `{"setup": "initialize"}`.
    """

    contract: Contract
    calls: tuple[Call, ...]
    startup: Callable[[], Any] | None = None
    setup: Callable[[], Any] | None = None
    shutdown: Callable[[], Any] | None = None
    store_assets: Callable[[], Any] | None = None
    metrics: Callable[[Sink], None] | None = None
    names: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])


class Dialect(Protocol):
    """One way of writing a model."""

    name: str

    def match(self, project: Project) -> Match | None:
        """Say whether the project is written this way, and why. Never imports the project."""
        ...

    def describe(self, project: Project, match: Match) -> Contract:
        """Give the contract as far as the source text tells it. Never imports the project."""
        ...

    def load(self, project: Project, match: Match) -> Loaded:
        """Import the project and bind its callables. Raises ProjectError with file, line and the next step."""
        ...

"""What a caller may send and how slowly, and who may reach what."""

from __future__ import annotations

from dataclasses import dataclass

from hotplate.config.setting import setting
from hotplate.config.values import KIB, MIB


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class Limits:
    """What a caller may send and how slowly, and who may reach what."""

    __slots__ = ()  # `Settings` has them

    max_body_bytes: int = setting(
        10 * MIB, "bytes", "limits", "Largest JSON body; a larger one gets 413.", low=1, high=4096 * MIB
    )
    max_upload_bytes: int = setting(
        100 * MIB,
        "bytes",
        "limits",
        "Largest multipart or raw media body; a larger one gets 413.",
        low=1,
        high=64 * 1024 * MIB,
    )
    body_memory_bytes: int = setting(
        1024 * MIB,
        "bytes",
        "limits",
        "Memory for large bodies, from their first byte to their answer; past it 503 with Retry-After. "
        "One body alone may be larger.",
        why="Room is reserved when a caller says how much it will send, so it must not be endless.",
        low=1,
        high=64 * 1024 * MIB,
    )
    max_header_bytes: int = setting(
        32 * KIB, "bytes", "limits", "Largest request head; a larger one gets 431.", low=256, high=MIB
    )
    max_headers: int = setting(64, "integer", "limits", "Most headers of a request; more get 431.", low=1, high=1000)
    max_uri_bytes: int = setting(
        8 * KIB, "bytes", "limits", "Longest path and query; a longer one gets 414.", low=64, high=64 * KIB
    )
    first_byte_timeout_s: float = setting(
        10.0, "seconds", "limits", "How long a new connection may stay silent.", low=0.1, high=3600
    )
    header_timeout_s: float = setting(
        10.0, "seconds", "limits", "How long a request head may take to arrive.", low=0.1, high=3600
    )
    body_idle_timeout_s: float = setting(30.0, "seconds", "limits", "Longest pause inside a body.", low=0.1, high=3600)
    body_min_rate_bytes_s: int = setting(
        KIB,
        "bytes",
        "limits",
        "Slowest body, in bytes a second on average, after its first ten seconds.",
        low=0,
        high=1024 * MIB,
    )
    keep_alive_s: float = setting(
        75.0, "seconds", "limits", "How long an idle connection stays open for the next call.", low=0, high=3600
    )
    write_stall_timeout_s: float = setting(
        60.0,
        "seconds",
        "limits",
        "How long a client may take none of its answer before it is cut off.",
        low=0.1,
        high=3600,
    )
    max_connections: int = setting(
        10_000, "integer", "limits", "Most open connections; more are refused.", low=1, high=1_000_000
    )
    max_connections_per_ip: int = setting(
        256,
        "integer",
        "limits",
        "Most open connections from one address. Loopback is exempt.",
        why="A proxy on this machine speaks for many.",
        low=1,
        high=1_000_000,
    )

    allowed_hosts: tuple[str, ...] = setting(
        (),
        "list",
        "access",
        "Host header to answer to besides localhost; `*.example.com` stands for every name below."
        " None given: every host, on loopback none.",
        metavar="HOST",
    )
    allow_origin: str = setting(
        "",
        "text",
        "access",
        "Origin whose web pages may call from a browser, such as `https://app.example.com`; `*` for every one. "
        "None given: no page of another origin.",
        metavar="ORIGIN",
    )
    fetch_allow: tuple[str, ...] = setting(
        (),
        "list",
        "access",
        "Host or network (`10.1.0.0/16`) that media URLs may point to although it is private.",
        metavar="HOST",
    )
    i_know: bool = setting(
        False,
        "flag",
        "access",
        "Allow `--host` to be an address that other machines can reach: anybody there can call the model.",
        why="Never read from a project file: who runs it decides.",
        in_file=False,
    )

"""Where replicas run: containers and their images, other machines, a Ray cluster."""

from __future__ import annotations

from dataclasses import dataclass

from hotplate.config.setting import image_setting, ray_setting, setting


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class Replicas:
    """Where replicas run: containers and their images, other machines, a Ray cluster."""

    __slots__ = ()  # `Settings` has them

    target: str = setting(
        "local",
        "choice",
        "containers",
        "Where the replicas of endpoints run: processes of this machine, containers of its engine, (loopback) "
        "processes of this machine that are reached by HTTP, as those of another machine are, actors of a Ray cluster, "
        "or, where a project says so, pods of a Kubernetes cluster.",
        choices=("local", "docker", "loopback", "ray", "kubernetes"),
        in_flags=False,
    )
    base_image: str = image_setting(
        "Image to build on; it has Python, and apt for packages. None given: `python:X.Y-slim`.", in_file=True
    )
    build_network: str = image_setting(
        "The engine's network for the steps of an image's build. None given: as the engine has it."
    )
    certificates: str = image_setting("File of CA certificates of this machine's that images are to trust.")
    docker_network: str = image_setting(
        "The engine's network that replicas are in; `none` for no network, and so no way out. auto: one of their own, "
        "in which they reach neither each other, nor this machine, nor link-local addresses; none where the engine has "
        "no bridge. Any other is taken as it is.",
        default="auto",
    )
    link_callback: str = setting(
        "",
        "text",
        "elsewhere",
        "URL at which replicas on other machines reach this server, to call other endpoints. None given: the address "
        "that it listens on, which is of use there unless it is a loopback address.",
        in_flags=False,
        in_file=False,
    )
    link_ca: str = setting(
        "",
        "text",
        "elsewhere",
        "File of the CA certificates by which replicas that speak TLS are known. None given: the system's.",
        in_flags=False,
        in_file=False,
    )
    link_unverified: bool = setting(
        False,
        "flag",
        "elsewhere",
        "Let replicas that speak TLS be anybody: nobody on the way can read along, but who is at the other end is not "
        "known. Otherwise they have to prove that they are the machine that was called.",
        in_flags=False,
        in_file=False,
    )
    link_cert: str = setting(
        "",
        "text",
        "elsewhere",
        "File with the certificate of a replica (`serve --replica`), which then speaks TLS.",
        in_flags=False,
        in_file=False,
    )
    link_key: str = setting(
        "", "text", "elsewhere", "File with the key of that certificate.", in_flags=False, in_file=False
    )
    probe_interval_s: float = setting(
        2.0,
        "seconds",
        "elsewhere",
        "How often a replica on another machine is asked whether it is there.",
        low=0.1,
        high=60,
        in_flags=False,
    )
    probe_timeout_s: float = setting(
        2.0, "seconds", "elsewhere", "How long such a replica may take to say so.", low=0.1, high=60, in_flags=False
    )
    probe_failures: int = setting(
        3,
        "integer",
        "elsewhere",
        "After how many such questions in a row without an answer it counts as lost, and is replaced.",
        low=1,
        high=100,
        in_flags=False,
    )

    ray_address: str = ray_setting(
        "auto",
        "text",
        "Ray cluster of the target `ray`: `HOST:PORT` of its head where this machine is one of its nodes, "
        "`ray://HOST:10001` where it is not, `auto` for the one that runs here.",
        in_file=False,
    )
    ray_python: str = ray_setting(
        "",
        "text",
        "Interpreter that has the cluster's versions of Ray and Python. None given: the one that runs Hotplate.",
        in_file=False,
    )
    ray_placement: str = ray_setting(
        "spread",
        "text",
        "Which node a replica comes to: `spread` over the nodes, `pack` to fill nodes up to half first, or `node:NODE` "
        "(the beginning of its id, its address or its name). An endpoint may have its own.",
    )
    ray_runtime_env: str = ray_setting(
        "",
        "text",
        'Ray\'s `runtime_env` of the actors, as JSON: `{"image_uri": "…"}` runs replicas in an image that has Ray and '
        "the revision. An endpoint may have its own.",
    )
    ray_grows: bool = ray_setting(
        False,
        "flag",
        "An autoscaler adds nodes to the cluster: what no node has now is waited for instead of refused.",
        in_file=False,
    )
    ray_spares: int = ray_setting(
        1,
        "integer",
        "How many actors wait on each node on which replicas were started, so that the next one starts sooner. They "
        "take none of the cluster's resources, but memory. 0: none.",
        low=0,
        high=100,
        in_file=False,
    )
    ray_start_timeout_s: float = ray_setting(
        300.0,
        "seconds",
        "How long a replica may wait for room on the cluster, and for its packages on a new node.",
        low=1,
        high=86_400,
    )
    ray_files: str = ray_setting(
        "auto",
        "choice",
        "How a revision comes to a node: `auto` uses it where it lies on a node that sees the same files, and ships it "
        "to others; `ship` always does that.",
        choices=("auto", "ship"),
        in_file=False,
    )
    ray_cache: str = ray_setting(
        "~/.cache/hotplate",
        "text",
        "Folder on the nodes in which shipped revisions and their environments are kept.",
        in_file=False,
    )

"""Writes the Dockerfile of a plan: for an engine's builder, and for people who want to change it.

Every value has its grammar (`grammar.py`), commands are in exec form, and the one shell line is of names of packages
alone. The layers that change least come first, so a change of the project's code makes one small layer new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hotplate.deployment.attachment import SHIMS
from hotplate.images import plan as places
from hotplate.images.grammar import check_name, check_package, check_path, quoted, words
from hotplate.images.plan import ImagePlan, Packages

OURS = ".hotplate"
"""The folder of the build's context with what Hotplate puts in besides the project's own files."""
BUILD = "/opt/hotplate-build"
UV = f"{BUILD}/uv"
CERTIFICATES = f"{places.ROOT}/certificates.crt"
SECRETS = {"netrc": "/run/secrets/netrc", "uv.toml": "/etc/uv/uv.toml"}
"""Secrets that uv looks for, and where: passwords of package indexes, and which indexes there are."""

COMPILE = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")

_HEAD = """\
# Made by `hotplate build`. Change it as you like: a Dockerfile in a project's folder is used as it stands.
# `hotplate build -g` writes this one anew. What lies under {ours}/ is put there for the build.
"""
_BUILD = {
    "UV_NO_CACHE": "1",
    "UV_LINK_MODE": "copy",
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_COMPILE_BYTECODE": "1",
    "NETRC": SECRETS["netrc"],
    "PYC_INVALIDATION_MODE": "UNCHECKED_HASH",  # or the layer would depend on when it was made
}


def dockerfile(plan: ImagePlan, *, secrets: Sequence[str] = ()) -> str:
    """Write it. `secrets` are names of SECRETS that the installation of packages may read; they need BuildKit.

    Raises:
        SettingError: a value may not stand in it.
    """
    lines = [
        _HEAD.format(ours=OURS),
        f"FROM {plan.base} AS system",
        *_certificates(plan),
        *_system(plan),
        "",
        "FROM system AS packages",
        "USER 0:0",
        f"ENV {_variables(_BUILD)}",
        f"COPY {words(f'{OURS}/uv', UV)}",
        *_environment(plan, plan.server, "server", secrets),
        f"COPY {words(f'{OURS}/hotplate', _site(plan) + '/hotplate')}",
        f"COPY {words(f'{OURS}/shims.pth', f'{_site(plan)}/{SHIMS}')}",
        _run(f"{places.SERVER}/bin/python", *COMPILE, f"{_site(plan)}/hotplate"),
    ]
    if plan.project is not None:
        lines += _project(plan, plan.project, secrets)
    lines += [
        "",
        "FROM system",
        f"COPY --from=packages {words(places.SERVER, places.SERVER)}",
    ]
    if plan.project is not None:
        lines.append(f"COPY --from=packages {words(places.PACKAGES, places.PACKAGES)}")
    user = f"{plan.user_id:d}:{plan.user_id:d}"
    lines += [
        f"ENV {_variables(plan.variables)}",
        f"COPY --chown={user} {words(f'{OURS}/home/', places.PROJECT + '/')}",
        f"COPY {words(f'{OURS}/image.json', places.RECORD)}",
        f"COPY {words(f'{OURS}/files/', places.FILES + '/')}",
        *([f"WORKDIR {places.FILES}", *_scripts(plan)] if plan.scripts else []),
        f"USER {user}",
        f"WORKDIR {check_path(places.FILES)}",
        *([f"RUN {words(*plan.entry_point, '--setup')}"] if plan.setup else []),
        f"LABEL {' '.join(f'{name}={quoted(value)}' for name, value in plan.labels.items())}",
        f"EXPOSE {plan.port:d}",
        f"HEALTHCHECK --interval=10s --timeout=6s --start-period=15m CMD {words(*plan.health_check)}",
        f"ENTRYPOINT {words(*plan.entry_point)}",
    ]
    return "\n".join(lines) + "\n"


def _certificates(plan: ImagePlan) -> list[str]:
    if plan.certificates is None:
        return []
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    return [
        f"COPY {words(f'{OURS}/certificates.crt', CERTIFICATES)}",
        f"ENV {_variables(dict.fromkeys(names, CERTIFICATES))}",
    ]


def _system(plan: ImagePlan) -> list[str]:
    if not plan.system_packages:
        return []
    names = " ".join(check_package(name) for name in plan.system_packages)
    return [
        "USER 0:0",
        "RUN apt-get update \\",
        f" && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends {names} \\",
        " && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/dpkg.log",
    ]


def _environment(
    plan: ImagePlan, packages: Packages, name: str, secrets: Sequence[str], folder: str = BUILD
) -> list[str]:
    """Make an environment. `folder` is where its lock goes, which paths in it are relative to."""
    seed = ("--seed",) if plan.scripts else ()  # scripts want a pip
    found = [
        _run(UV, "venv", "--quiet", "--no-project", "--relocatable", *seed, "--python", plan.python, packages.path)
    ]
    for number in range(len(packages.lock)):
        lock = f"pylock.{name}-{number}.toml"
        found += [
            f"COPY {words(f'{OURS}/{lock}', f'{folder}/{lock}')}",
            _run(
                *(UV, "pip", "install", "--quiet", "--no-deps", "--python", f"{packages.path}/bin/python"),
                *("--requirements", f"{folder}/{lock}"),
                secrets=secrets,
            ),
        ]
    return found


def _project(plan: ImagePlan, packages: Packages, secrets: Sequence[str]) -> list[str]:
    """The project's packages, with its files at hand where some packages lie among those."""
    found: list[str] = []
    folder = BUILD
    if plan.local:
        folder = f"{BUILD}/files"
        found += [f"COPY {words(f'{OURS}/files/', folder + '/')}", f"WORKDIR {folder}"]
    found += _environment(plan, packages, "project", secrets, folder)
    site = _site(plan, packages.path)
    return [
        *found,
        _run("ln", "-s", f"{_site(plan)}/hotplate", f"{site}/hotplate"),
        f"COPY {words(f'{OURS}/shims.pth', f'{site}/{SHIMS}')}",
    ]


def _scripts(plan: ImagePlan) -> list[str]:
    """The project's own scripts, as root, with its environment first: what they install is in the image."""
    environment = (plan.project or plan.server).path
    path = f"PATH={environment}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return [_run("env", path, f"VIRTUAL_ENV={environment}", *script.command) for script in plan.scripts]


def _site(plan: ImagePlan, environment: str = places.SERVER) -> str:
    return f"{environment}/lib/python{plan.python}/site-packages"


def _run(*command: str, secrets: Sequence[str] = ()) -> str:
    mounts = "".join(f"--mount=type=secret,id={name},target={SECRETS[name]},required=true " for name in secrets)
    return f"RUN {mounts}{words(*command)}"


def _variables(pairs: Mapping[str, str]) -> str:
    return " ".join(f"{check_name(name)}={quoted(value)}" for name, value in pairs.items())

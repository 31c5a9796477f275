"""Write an endpoint down for another system: a Kubernetes cluster, the chart of an installation, Ray Serve."""

from __future__ import annotations

import argparse
from importlib import import_module

from hotplate.cli.asking import below

_WAYS = {
    "kubernetes": ("export_manifests", "Deployment, Service and what belongs to them, scaled by the processor"),
    "keda": ("export_manifests", "The same, scaled by calls: with KEDA's ScaledObject"),
    "knative": ("export_manifests", "A Knative Service, which scales by calls and to no replica"),
    "helm": ("export_chart", "The Helm chart of an installation: server, control and PostgreSQL"),
    "ray-serve": ("export_ray_serve", "A Ray Serve application: for clusters of Ray that allow nothing else"),
}
"""What to, the module that does it, and what it is."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands below `export`."""
    actions = below(parser, list(_WAYS))
    for way, (module, text) in _WAYS.items():
        command = actions.add_parser(way, help=text, description=text)
        import_module(f"hotplate.cli.{module}").configure(command)


def main(args: argparse.Namespace) -> int:
    """Run the command below `export`."""
    return import_module(f"hotplate.cli.{_WAYS[args.action][0]}").main(args)

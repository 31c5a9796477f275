"""Stands in for the package that Cortex put into its images: `cortex_internal.lib.log`."""

from __future__ import annotations

from _hotplate_shims import real_package_takes_over

real_package_takes_over(__name__)

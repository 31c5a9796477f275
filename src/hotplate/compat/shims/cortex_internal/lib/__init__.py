"""`cortex_internal.lib`: of it, `log` is there."""

"""The ways of writing a model, one module each. `registry` finds the one that fits a project."""

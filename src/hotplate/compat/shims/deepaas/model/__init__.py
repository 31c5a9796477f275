"""`deepaas.model`: where the interface of models lies."""

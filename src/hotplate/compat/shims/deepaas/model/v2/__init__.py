"""`deepaas.model.v2`: the interface of models."""

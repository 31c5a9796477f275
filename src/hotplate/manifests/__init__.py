"""Manifests of an endpoint for a Kubernetes cluster, made from data: Deployment, Service, scaler, Knative Service.

`workload.py` says what is to run, `kubernetes.py`, `keda.py` and `knative.py` say it in the objects of each, and
`documents.py` writes them. Nothing here speaks to a cluster (`targets/kubernetes/` does), and nothing is a template:
what may stand in a manifest is decided by `grammar.py` alone. `chart/` is the Helm chart of an installation.
"""

"""A Kubernetes cluster, by its REST API: who may ask what (`kubeconfig.py`), asking (`api.py`), applying objects with a
dry run first (`apply.py`), waiting for a rollout (`rollout.py`), going back (`history.py`), logs and events.

It makes no objects (`manifests/` does) and starts no replicas: the cluster runs an endpoint's pods by itself, so this
is no `base.Target`.
"""

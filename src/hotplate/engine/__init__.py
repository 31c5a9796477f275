"""The container engine of this machine, Docker or Podman, by its own command: no client library is needed.

Called by builds of images, by `hotplate run --image` and by the target `docker`. It knows nothing of revisions.
"""

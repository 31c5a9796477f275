"""Who may do what with a job. Whoever may call an endpoint may submit jobs to it and see them, and change its own.

Scopes are those of the request's token at this endpoint; a server without tokens lets everybody do everything.
"""

from __future__ import annotations

from typing import Final

from hotplate.edge.head import Sender
from hotplate.errors import Forbidden
from hotplate.jobs.records import Job

MANAGE: Final = frozenset(("deploy", "admin"))


def may_change(sender: Sender | None, job: Job) -> None:
    """Cancelling, retrying and forgetting: for those who manage the endpoint, and for whoever submitted the job.

    Raises Forbidden.
    """
    if sender is None or not MANAGE.isdisjoint(sender.scopes):
        return
    if sender.id != job.caller or (sender.id and "invoke" not in sender.scopes):
        raise Forbidden("Only who submitted this job may change it, or a token with the scope `deploy` or `admin`.")


def may_manage(sender: Sender | None) -> None:
    """What concerns all jobs of an endpoint. Raises Forbidden."""
    if sender is not None and MANAGE.isdisjoint(sender.scopes):
        raise Forbidden("This needs a token with the scope `deploy` or `admin`.")


def may_list(sender: Sender | None) -> None:
    """At a public endpoint a job is shown to whoever knows its id, which nobody can guess; a list would tell them.

    Raises Forbidden.
    """
    if sender is not None and not sender.scopes:
        raise Forbidden("The jobs of a public endpoint are listed for those who have a token.")

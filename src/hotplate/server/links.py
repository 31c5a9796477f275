"""The two kinds of replica, as the queue and the pool know them: a process of this machine, or one of another."""

from __future__ import annotations

from hotplate.server.link import Link
from hotplate.server.process import Process
from hotplate.server.remote.link import RemoteLink
from hotplate.server.remote.process import RemoteProcess

AnyLink = Link | RemoteLink
AnyProcess = Process | RemoteProcess

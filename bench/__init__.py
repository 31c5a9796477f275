"""Hotplate beside its peers: the same work, the same machine, the same minute. `python -m bench --help`.

peers/       one folder per system: how it is started, how it is asked, and its server
workloads/   one file per question that is measured
load/        what drives the servers: wrk, a stream client, a last-byte client
rounds.py    who is measured when; windows.py what one measurement is; summary.py what is made of them
promises.py  the floors that must hold, and the goals
gates.py     holds results against them
"""

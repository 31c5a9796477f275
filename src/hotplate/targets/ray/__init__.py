"""Replicas as actors of a Ray cluster: the target `ray`.

    target.py   what the server sees: cells are started, watched, ended
    agent_process.py   the process beside the server in which Ray's client runs; it is started anew when it dies
    wishes.py   what of an endpoint's hardware and settings becomes which option of an actor
    agent.py    that process. It needs Ray and the standard library alone, and runs under any interpreter that has Ray
    actors.py   what it does on the cluster; sayings.py: what it says of that
    placing.py, homes.py   which node a replica is best brought to
    spares.py   actors that wait for the next replica
    cell.py     the actor, sent to the nodes by value: it runs `hotplate serve --replica` and tells of its end
    parcel.py   sent with it: a revision and its environments, made on a node that does not see our files

The first three never import Ray; the others never import Hotplate.
"""

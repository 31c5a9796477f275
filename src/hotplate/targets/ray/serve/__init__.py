"""`hotplate export ray-serve`: a revision as a plain Ray Serve application, for clusters that allow nothing else.

`application.py` is written into the folder as it stands, with the revision and `client/parcel.py` beside it.
"""

"""What travels between server and worker: frames on a socket pair, large bodies in shared memory. No pickle, ever."""

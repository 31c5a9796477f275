"""What drives the servers. Each generator is a process of its own on the client's core, and gives a `Load`."""

"""What one replica may use of this machine: processors, memory and whole GPUs. Used where a replica is started."""

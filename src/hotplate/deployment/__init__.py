"""What `hotplate up` serves, as data: control publishes it, the server reads it, and neither needs the other to run."""

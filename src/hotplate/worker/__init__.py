"""The process that runs user code: load, decode, validate, call, encode. It opens no port and sees no token."""

"""The command line: a client of the API, the server's start, and the driver behind `make up`."""

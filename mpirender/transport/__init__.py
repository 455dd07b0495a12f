"""Messages between ranks: one protocol, in one process or over MPI."""

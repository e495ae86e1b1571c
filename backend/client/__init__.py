"""Clients of the native protocol: the terminal (`talk`) and the latency harness (`ttfa`).

They see the server only through its WebSocket: of the server's code they import nothing but sample arithmetic and the
error tree.
"""

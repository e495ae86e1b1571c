"""OpenAI's Realtime protocol (GA), without the WebSocket: client events -> commands, events -> server events.

The vocabulary is that of `openai.types.realtime`, which also validates what clients send. `connection` keeps what
one connection's events have to agree on; the other modules are pure.
"""

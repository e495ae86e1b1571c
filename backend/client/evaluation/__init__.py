"""How well a server takes turns: a generated corpus with known truth, played to it in real time, and the figures.

`corpus` makes what is said, `person` says it in one session and writes down what came back, `scoring` and `summary`
turn that into figures without a clock, `report` prints them. Sees the server only through its WebSocket.
"""

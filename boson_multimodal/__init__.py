"""Higgs Audio v2 and Step-Audio 2: speech streamed, several voices at once.

Usable alone; knows nothing of `backend`.
"""

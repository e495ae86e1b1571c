"""Higgs Audio v2: speech streamed exactly, several voices at once. Usable alone; knows nothing of `backend`."""

"""Higgs Audio v2: the step loop over its audio columns, and its codec."""

"""Serving: many requests on one model, streamed."""

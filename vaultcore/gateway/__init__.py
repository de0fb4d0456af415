"""Runs a call: routing, retries and fallbacks, translation, usage and cost."""

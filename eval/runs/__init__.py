"""Asking: plan, run, judge, and what is kept of it, so that all of it can be scored again later."""

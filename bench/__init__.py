"""Measurements of the running server. Each prints one line of JSON; `python -m bench` runs them all, small.

Ratios to a yardstick measured in the same run travel between machines; absolute figures do not.
"""

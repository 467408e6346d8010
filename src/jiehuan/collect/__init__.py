"""Segments, the work list under capacity, contact rules, promises."""

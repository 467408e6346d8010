"""Signals declared once, the window engine, rules and alerts."""

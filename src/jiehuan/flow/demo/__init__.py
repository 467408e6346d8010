"""The whole loop on a small simulated lender: its history, months of business, and what came of it."""

from jiehuan.flow.demo.run import Demo, run_demo

__all__ = ["Demo", "run_demo"]

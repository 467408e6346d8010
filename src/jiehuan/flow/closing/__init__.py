"""The durable end of a day over a large book: only what changed is written, in batches that a kill does not undo or double."""

from jiehuan.flow.closing.run import catch_up, close_day

__all__ = ["catch_up", "close_day"]

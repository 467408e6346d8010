"""The loop's use cases, one file a verb: load, pure core, save, in one transaction."""

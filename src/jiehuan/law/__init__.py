"""The law as dated, cited data, and the checks that read it."""

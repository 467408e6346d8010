"""Bad assets: valuation, restructuring, write-off, sale tape."""

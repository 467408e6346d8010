"""Dynamic limit, and price for new draws."""

"""Borrower profile: declared sources and features, income verified from bank flow, and what the cash flow carries."""

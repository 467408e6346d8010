"""The whole loop on a small simulated lender: its history, months of business, and what came of it."""

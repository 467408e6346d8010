"""The product catalogue, eligibility and offers."""

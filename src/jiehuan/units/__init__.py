"""Money, rates, dates, ids and errors: the words every other room speaks. Imports nothing of ours."""

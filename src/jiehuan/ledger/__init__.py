"""Chart of accounts, postings of loan movements, and the invariants of the journal."""

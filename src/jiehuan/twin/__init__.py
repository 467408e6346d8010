"""A simulated lender: worlds, people, behaviour."""

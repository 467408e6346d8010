"""Who the borrower is: declared features, verified income, affordability."""

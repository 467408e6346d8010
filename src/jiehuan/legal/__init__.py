"""Cases, jurisdiction, fees, deadlines, pleadings."""

"""Terms, schedules, events and the kernel: a loan is a fold over its events."""

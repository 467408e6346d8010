"""HTTP: one router per room, login, live updates."""

"""Tables, migrations, embedded server, outbox, vault, files: where state is kept."""

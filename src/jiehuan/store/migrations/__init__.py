"""The history of the schema: one file a step, run in order by Alembic. ``HEAD`` is the step that this release needs."""

HEAD = "0018"

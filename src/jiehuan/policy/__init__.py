"""Decision graphs: load, validate, run one, run many, explain, compare."""

"""Portfolio metrics, vintages, roll rates, decomposition."""

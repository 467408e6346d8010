"""Scorecards and boosted models: binning, fit, calibration, reasons, drift, model cards."""

"""The fitted model: trees, calibration, and the folder it is stored in."""

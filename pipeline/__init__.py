"""Pixels in, pixels out: the twin, its healing and the subtraction. Knows nothing of DICOM or of networks."""

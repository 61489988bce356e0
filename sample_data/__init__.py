"""Sample patients: rendered people who do not exist, as DICOM studies full of invented identifiers."""

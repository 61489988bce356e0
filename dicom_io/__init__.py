"""Everything that speaks DICOM: the listener, the confidentiality profile, the objects that leave, their delivery."""

"""The application: configuration, jobs, commands. Wires ``dicom_io`` and ``pipeline`` together."""

__version__ = "0.1.0"

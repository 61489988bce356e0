"""Rectified-flow models behind one small protocol."""

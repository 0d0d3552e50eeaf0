"""`medpattern receive`: DICOM instances over STOW-RS and C-STORE, into the source bucket."""

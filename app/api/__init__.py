"""The JSON door: one file for each caller and subject, so that URL, folder and caller read alike."""

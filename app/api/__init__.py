"""The JSON door: a file for each caller and subject, so URL, folder and caller read alike."""

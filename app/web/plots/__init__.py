"""Plots drawn on the server as SVG: pure functions from series to escaped markup, coloured by
CSS classes only, each with a title and a description, gaps shown as gaps."""

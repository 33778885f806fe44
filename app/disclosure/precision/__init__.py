"""What leaves where less than everything was granted: whole stretches of time instead of records,
squares on a map instead of places. Pure: records and the time come in, nothing is asked.

What is told of a stretch is told once and for all: it is the log as it was when the stretch was
over and its lateness with it, whatever is asked, and whenever. So no two answers differ by less
than a stretch. Uses usage, objects, kit and consent's order of precisions.
"""

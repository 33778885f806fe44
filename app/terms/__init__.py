"""What owners proffer before anybody asks: an agreement of the roster, and limits for each kind of
data.

The roster is data of this package: an agreement that was once published never changes, a new text
is a new version. Terms are versions too, of which none is ever changed; an owner who never set any
has `DEFAULT_TERMS` as version 1. What was asked is measured by pure functions. Nothing here knows
requests or permissions. Uses accounts, objects and organizations (their closed lists), and kit.
"""

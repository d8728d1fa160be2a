"""What each viewer cares about: consent, events, profile, ranking and the reasons for it."""

"""Live rooms: the media process that forwards a publisher's packets to viewers, and the room around it."""

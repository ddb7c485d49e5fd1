"""Coming back: what somebody changed in an exported session becomes a change of the story."""

"""What shared memory consists of, by name. Here so that a process can pass the handles on before it imports numpy."""

PARTS = (
    "commands", "reports", "timeline", "automation", "status", "tap", "arena",
    "beats", "checkpoint", "notes", "black", "tape", "plugins", "feed", "daw_notes", "inlets",
)  # fmt: skip
